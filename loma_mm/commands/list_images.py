"""Write the list of the first N images of each class of an image folder.

Each line is 'class/file label', as the ann_file of mmpretrain's CustomDataset
wants it; files count in the order of their names, classes too. Beside a folder
train the classes are those of train, so that labels are the same in all lists.

    python -m loma_mm list-images data/image_folder/train train_500.txt \\
        --per-class 500
    python -m loma_mm train CONFIG --cfg-options \\
        train_dataloader.dataset.ann_file=$PWD/train_500.txt
"""

import argparse
from pathlib import Path

from loma_mm.datasets.image_check import image_size
from loma_mm.datasets.image_files import is_visible, walk_visible
from loma_mm.errors import DataError
from loma_mm.files import write_text
from loma_mm.names import some

from .arguments import output_text, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('folder', help='holds one folder for each class')
    parser.add_argument('out', type=output_text, help='text file to write')
    parser.add_argument('--per-class', type=positive, required=True, metavar='N')


def list_images(folder: Path, per_class: int) -> list[str]:
    """The lines of the list.

    Raises:
        DataError: If a class has fewer images, one of them cannot be read, or
            there are no classes.
    """
    own = _folders(folder)
    if not own:
        raise DataError(f'{folder} is not a folder of folders, one for each class.')
    train = folder.resolve().parent / 'train'
    classes = _folders(train) or own
    unknown = [name for name in own if name not in classes]
    if unknown:
        raise DataError(
            f'{folder} has {some(unknown)}, and the classes are those in {train}, '
            f'{some(classes)}: name the folders of a class alike.'
        )
    lines = []
    for name in own:
        names = sorted(walk_visible(str(folder / name)))
        if len(names) < per_class:
            images = 'image' if len(names) == 1 else 'images'
            raise DataError(
                f'{folder / name} has {len(names)} {images}, fewer than {per_class}.'
            )
        for file in names[:per_class]:
            image_size(str(folder / name / file))
        label = classes.index(name)
        lines += [f'{name}/{file} {label}' for file in names[:per_class]]
    return lines


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.is_dir() and is_visible(path.name)
    )


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    lines = list_images(Path(args.folder), args.per_class)
    write_text(args.out, '\n'.join(lines) + '\n')
    print(f'{args.out}: {len(lines)} images')
