"""Write the list of the first N images of each class of an image folder.

Each line is 'class/file label', as the ann_file of mmpretrain's CustomDataset
wants it; files count in the order of their names, classes too.

    python -m loma_mm list-images data/image_folder/train train_500.txt \\
        --per-class 500
    python -m loma_mm train CONFIG --cfg-options \\
        train_dataloader.dataset.ann_file=$PWD/train_500.txt
"""

import argparse
from pathlib import Path

from loma_mm.errors import DataError
from loma_mm.files import write_text

from .arguments import positive

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument('folder', help='holds one folder for each class')
    parser.add_argument('out', help='text file to write')
    parser.add_argument('--per-class', type=positive, required=True, metavar='N')


def list_images(folder: Path, per_class: int) -> list[str]:
    """The lines of the list.

    Raises:
        DataError: If a class has fewer images, or there are no classes.
    """
    classes = (
        sorted(path for path in folder.iterdir() if path.is_dir())
        if folder.is_dir()
        else []
    )
    if not classes:
        raise DataError(f'{folder} is not a folder of folders, one for each class.')
    lines = []
    for label, path in enumerate(classes):
        names = sorted(
            file.relative_to(folder).as_posix()
            for file in path.rglob('*')
            if file.suffix.lower() in EXTENSIONS
        )
        if len(names) < per_class:
            images = 'image' if len(names) == 1 else 'images'
            raise DataError(
                f'{path} has {len(names)} {images}, fewer than {per_class}.'
            )
        lines += [f'{name} {label}' for name in names[:per_class]]
    return lines


def run(args: argparse.Namespace) -> None:
    """Carry out the command."""
    lines = list_images(Path(args.folder), args.per_class)
    write_text(args.out, '\n'.join(lines) + '\n')
    print(f'{args.out}: {len(lines)} images')
