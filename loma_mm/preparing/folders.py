"""A folder of images for each class."""

from collections import Counter
from pathlib import Path

from loma_mm.datasets.image_check import image_size
from loma_mm.datasets.image_files import SUFFIXES, is_visible
from loma_mm.errors import DataError

from .found import (
    Found,
    Problem,
    Split,
    split_names,
    split_of_folder,
    train_and_test,
    unreadable,
    visible_files,
)


def read_folders(data: Path, out: Path, test_share: float, seed: int) -> Found:
    """Find out what a dataset with a folder for each class holds.

    With folders train and test (or val) in ``data``, these hold the folders of
    the classes and are the split; else it is drawn, class by class. Labels
    count one list of names for all splits.

    Args:
        data (Path): The folder.
        out (Path): The lists that are written begin with this path.
        test_share (float): Of a split that is drawn.
        seed (int): Of that split.

    Raises:
        DataError: If there is nothing to learn, or the folders of the splits
            disagree: a class to test that training never sees.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    sizes: Counter = Counter()
    folders = _folders(data)
    splits = {split_of_folder(folder.name): folder for folder in folders}
    if None not in splits and 'train' in splits and len(splits) > 1:
        parts = {
            split: {
                path.name: _images(data, path, sizes, problems)
                for path in _folders(folder)
            }
            for split, folder in splits.items()
        }
        listed = {str(split): [part] for split, part in parts.items()}
        (train,), (test,) = train_and_test(listed, notes)
        classes = _one_list(splits, parts, train, test, notes)
        notes.append('Train and test are the folders of these names.')
    else:
        by_class = {path.name: _images(data, path, sizes, problems) for path in folders}
        classes = sorted(name for name, files in by_class.items() if files)
        few = sorted(name for name, files in by_class.items() if len(files) < 2)
        if len(classes) < 2 or few:
            raise DataError(
                f'{data} has no XML of VOC and no JSON of COCO; for a classifier it '
                'must hold two folders or more, one for each class, with two images '
                'or more in each' + (f': {", ".join(few)} has fewer.' if few else '.')
            )
        drawn = {c: split_names(by_class[c], test_share, seed) for c in classes}
        train, test = ({c: drawn[c][i] for c in classes} for i in (0, 1))
        notes.append(f'The test set is drawn, class by class, with seed {seed}.')
    return Found(
        'folders',
        str(data),
        '',
        '',
        tuple(classes),
        _list(train, classes, f'{out}_train.txt'),
        _list(test, classes, f'{out}_test.txt'),
        sizes,
        problems,
        notes,
    )


def _folders(data: Path) -> list[Path]:
    return sorted(p for p in data.iterdir() if p.is_dir() and is_visible(p.name))


def _images(
    data: Path, folder: Path, sizes: Counter, problems: list[Problem]
) -> list[str]:
    """The images of a class that can be opened, relative to ``data``."""
    names = []
    for path in visible_files(folder, SUFFIXES):
        try:
            sizes[image_size(str(path))] += 1
        except DataError as error:
            problems.append(unreadable(str(path), error))
        else:
            names.append(path.relative_to(data).as_posix())
    return names


def _one_list(splits: dict, parts: dict, train: dict, test: dict, notes: list) -> list:
    """The classes of all splits."""
    classes = sorted(name for name, files in train.items() if files)
    if len(classes) < 2:
        raise DataError(
            f'{splits["train"]} must hold two folders or more, one for each class, '
            'with images in each.'
        )
    for split, part in parts.items():
        unknown = sorted(
            name for name, files in part.items() if files and name not in classes
        )
        if part is test and unknown:
            raise DataError(
                f'{splits[split]} has {", ".join(unknown)}, of which '
                f'{splits["train"]} has no images (it has {", ".join(classes)}): '
                'name the folders of a class alike, or take these away.'
            )
    absent = [name for name in classes if not test.get(name)]
    if len(absent) == len(classes):
        raise DataError('The test set has no image.')
    if absent:
        notes.append(f'There is no image to test of {", ".join(absent)}.')
    return classes


def _list(part: dict[str, list[str]], classes: list[str], path: str) -> Split:
    """Lines as mmpretrain's CustomDataset reads them."""
    lines = [
        f'{name} {label}'
        for label, class_name in enumerate(classes)
        for name in part.get(class_name, [])
    ]
    counts = Counter({name: len(part.get(name, [])) for name in classes})
    return Split(path, '\n'.join(lines) + '\n', len(lines), counts)
