"""Write the list of the first N images of each class of an image folder.

Each line is 'class/file label', as the ann_file of mmpretrain's CustomDataset
wants it; files count in the order of their names, classes too.

    python tools/image_folder_list.py data/image_folder/train train_500.txt \\
        --per-class 500
    python tools/train.py CONFIG --cfg-options \\
        train_dataloader.dataset.ann_file=$PWD/train_500.txt
"""

import argparse
from pathlib import Path

EXTENSIONS = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp', '.pgm', '.tif')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('folder', help='holds one folder for each class')
    parser.add_argument('out', help='text file to write')
    parser.add_argument('--per-class', type=int, required=True, metavar='N')
    args = parser.parse_args()
    if args.per_class < 1:
        parser.error('--per-class must be at least 1')
    return args


def list_images(folder: Path, per_class: int) -> list[str]:
    """The lines of the list.

    Raises:
        SystemExit: If a class has fewer images, or there are no classes.
    """
    classes = (
        sorted(path for path in folder.iterdir() if path.is_dir())
        if folder.is_dir()
        else []
    )
    if not classes:
        raise SystemExit(f'{folder} is not a folder of folders, one for each class.')
    lines = []
    for label, path in enumerate(classes):
        names = sorted(
            file.relative_to(folder).as_posix()
            for file in path.rglob('*')
            if file.suffix.lower() in EXTENSIONS
        )
        if len(names) < per_class:
            images = 'image' if len(names) == 1 else 'images'
            raise SystemExit(
                f'{path} has {len(names)} {images}, fewer than {per_class}.'
            )
        lines += [f'{name} {label}' for name in names[:per_class]]
    return lines


def main() -> None:
    args = parse_args()
    lines = list_images(Path(args.folder), args.per_class)
    Path(args.out).write_text('\n'.join(lines) + '\n', encoding='utf-8')
    print(f'{args.out}: {len(lines)} images')


if __name__ == '__main__':
    main()
