"""What was found in somebody's data."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loma_mm.datasets.image_files import walk_visible
from loma_mm.errors import DataError

# First parts of paths that say to which split a sample belongs.
SPLIT_FOLDERS = {
    'train': ('train', 'training', 'train2017'),
    'test': ('test', 'testing'),
    'val': ('val', 'valid', 'validation', 'val2017'),
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with a file.

    Args:
        path (str): The file, with ``:line`` where it is a line.
        kind (str): What is wrong, the same words for the same thing.
        detail (str): What is special in this file.
    """

    path: str
    kind: str
    detail: str = ''

    def __str__(self) -> str:
        return f'{self.path}: {self.detail or self.kind}'


def unreadable(path: str, error: DataError) -> Problem:
    """An image with which :func:`image_size` ended."""
    detail = str(error).removeprefix(f'{path} ').removesuffix('.')
    return Problem(path, 'an image that cannot be opened', detail)


@dataclass
class Split:
    """One of the lists.

    Args:
        path (str): Where it is, or will be.
        text (str | None): What to write there; None if it is there already.
        images (int): How many images it names.
        objects (Counter): Objects, or images of a classifier, by class.
    """

    path: str
    text: str | None
    images: int
    objects: Counter = field(default_factory=Counter)


@dataclass
class Found:
    """A dataset, and what is wrong in it.

    Args:
        kind (str): 'voc', 'coco' or 'folders'.
        data_root (str): An absolute path.
        img_dir (str): Below it, '' for itself.
        ann_dir (str): Below it; of 'voc' alone.
        classes (tuple[str, ...]): In the order of their labels.
        train (Split): What to train on.
        test (Split): What to test on.
        sizes (Counter): Images by width and height in pixels.
        problems (list[Problem]): What is wrong with which file.
        notes (list[str]): What else to know, one sentence each.
    """

    kind: str
    data_root: str
    img_dir: str
    ann_dir: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    sizes: Counter
    problems: list[Problem]
    notes: list[str]


def split_names(
    names: Iterable[str], test_share: float, seed: int
) -> tuple[list[str], list[str]]:
    """Draw a test set.

    Args:
        names (Iterable[str]): Names of samples, in any order.
        test_share (float): In (0, 1). At least one sample stays on each side.
        seed (int): The same seed and names give the same split.

    Returns:
        tuple[list[str], list[str]]: Train and test names, each sorted.

    Raises:
        DataError: If there are fewer than two samples.

    Example:
        >>> split_names('abcde', 0.2, 0)
        (['a', 'b', 'd', 'e'], ['c'])
    """
    names = sorted(names)
    if len(names) < 2:
        raise DataError(
            f'There must be two samples or more to split, and there is {len(names)}.'
        )
    shuffled = list(names)
    random.Random(seed).shuffle(shuffled)
    count = min(max(round(test_share * len(names)), 1), len(names) - 1)
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def split_of_folder(name: str) -> str | None:
    """The split whose samples a folder of that name holds, if any.

    Example:
        >>> split_of_folder('Valid'), split_of_folder('cat')
        ('val', None)
    """
    return next(
        (split for split, names in SPLIT_FOLDERS.items() if name.lower() in names), None
    )


def train_and_test(parts: dict[str, list], notes: list[str]) -> tuple[list, list]:
    """Train and test of what is split into two or three."""
    test = 'test' if parts.get('test') else 'val'
    if test == 'test' and parts.get('val'):
        notes.append(
            'Of the three parts the validation part is not used: training takes '
            'the train part, its mAP or accuracy comes from the test part.'
        )
    return parts['train'], parts[test]


def visible_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Files below a folder, sorted, without what is hidden or macOS's.

    Args:
        folder (Path): Where to look. Links to folders are followed.
        suffixes (Sequence[str]): In lower case, with their dots.
    """
    return sorted(Path(folder, name) for name in walk_visible(str(folder), suffixes))
