"""Classification: the labels of all splits come from one list of names."""

import os
import os.path as osp
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from loma_mm.datasets.image_files import is_visible
from loma_mm.datasets.lists import read_lines, split_line
from loma_mm.errors import DataError
from loma_mm.names import some

from .datasets import dataloaders, dataset_configs
from .options import write_names

# Datasets that can take the names of classes from other folders than their own.
FOLDERS = ('loma_mm.datasets.ClassFolders', 'loma_mm.datasets.ImageNetFolders')


def number_alike(cfg: Config) -> None:
    """Let datasets of image folders take their labels from the training set.

    Ours do, see :class:`loma_mm.datasets.class_folders.ClassFolders`.

    Args:
        cfg (Config): Changed in place, if it is one of MMPretrain.
    """
    if cfg.get('default_scope') != 'mmpretrain':
        return
    parts = [
        (split, part)
        for split, loader in dataloaders(cfg).items()
        for _, part in dataset_configs(loader['dataset'])
        if part.get('type') in FOLDERS
        and not part.get('ann_file')
        and '://' not in (part.get('data_root') or '')
    ]
    train = [_root_and_prefix(part) for split, part in parts if split == 'train']
    for _, part in parts:
        root, _ = _root_and_prefix(part)
        folders = [
            prefix if base == root else osp.abspath(osp.join(base, prefix))
            for base, prefix in train
        ]
        if folders and all(folders):
            part['class_folders'] = folders


def _root_and_prefix(part: dict) -> tuple[str, str]:
    prefix = part.get('data_prefix') or part.get('split') or ''
    if isinstance(prefix, dict):
        prefix = prefix.get('img_path', '')
    return part.get('data_root') or '', prefix


def check_class_folders(datasets: list[tuple[Any, str]]) -> list[str]:
    """Check that the splits of a classifier agree about its classes.

    Args:
        datasets (list[tuple[BaseDataset, str]]): Those of all its splits that
            are on disk, not initialised, with their places in the config.

    Returns:
        list[str]: Sentences to show.

    Raises:
        DataError: If they do not agree, naming the folders or lists.
    """
    notes: list[str] = []
    labels: dict[str, tuple[dict[str, int], bool]] = {}
    for dataset, place in datasets:
        if not getattr(dataset, 'with_label', False):
            continue
        if dataset.ann_file:
            found = _listed(dataset.ann_file)
            if found:
                labels.setdefault(str(dataset.ann_file), (found, True))
        elif hasattr(dataset, 'class_names'):
            notes += _check_ours(dataset, place)
            names = dataset.class_names()
            labels.setdefault(
                dataset.img_prefix, ({n: i for i, n in enumerate(names)}, True)
            )
        elif osp.isdir(dataset.img_prefix):
            # A user's own kind, which numbers what it finds.
            names = _check_foreign(dataset)
            labels.setdefault(
                dataset.img_prefix, ({n: i for i, n in enumerate(names)}, False)
            )
    _compare(labels)
    return notes


def _check_ours(dataset: Any, place: str) -> list[str]:
    folders = set(dataset.folders())
    names = dataset.class_names()
    absent = [name for name in names if name not in folders]
    if not absent or not folders:
        return []
    if dataset.CLASSES is None:
        train = ' and '.join(
            osp.join(dataset.data_root, folder) for folder in dataset.class_folders
        )
        raise DataError(
            f'The splits disagree about their classes: {train} has folders of images '
            f'for {some(names)}, and {dataset.img_prefix} has none for '
            f'{some(absent)}: name the folders of a class alike, or, if nothing of it '
            f'is to be here, say all names with --cfg-options {write_names(names)}.'
        )
    return [f'{place}: there is no image of {some(absent)} in {dataset.img_prefix}.']


def _check_foreign(dataset: Any) -> list[str]:
    """The folders of a dataset that takes hidden ones for classes, too."""
    names = sorted(e.name for e in os.scandir(dataset.img_prefix) if e.is_dir())
    hidden = [name for name in names if not is_visible(name)]
    if hidden:
        raise DataError(
            f'{type(dataset).__name__} takes {some(hidden)} in {dataset.img_prefix} '
            'for classes: take these folders away.'
        )
    return names


def read_list(path: str) -> Iterator[tuple[str, int]]:
    """The images and labels of a list, as CustomDataset reads them.

    Raises:
        DataError: If a line has no label, naming it.
    """
    for number, line in read_lines(path):
        yield split_line(line, f'{path}:{number}')


def _listed(path: str) -> dict[str, int]:
    """The labels of folders in a list, where each class has a folder."""
    # cat/more/1.jpg, or train/cat/1.jpg.
    for level in (0, -2):
        found: dict[str, int] = {}
        one_each = True
        for name, label in read_list(path):
            parts = name.split('/')
            folder = parts[level] if len(parts) > 1 else ''
            one_each &= folder != '' and found.setdefault(folder, label) == label
        if one_each and 1 < len(found) == len(set(found.values())):
            return found
    return {}


def _compare(labels: dict[str, tuple[dict[str, int], bool]]) -> None:
    """Raise a DataError if two places give a folder other labels.

    Args:
        labels (dict): Of each place the label of each name, and whether it
            may lack classes.
    """
    places = list(labels)
    for place in places[1:]:
        first, lenient = labels[places[0]]
        other, may_lack = labels[place]
        wrong = [name for name in other if first.get(name, other[name]) != other[name]]
        if wrong:
            name = wrong[0]
            raise DataError(
                f'The splits disagree about their classes: {name} has label '
                f'{first[name]} in {places[0]} and {other[name]} in {place}: number '
                'the classes alike in all of them.'
            )
        odd = sorted(set(first) ^ set(other))
        if odd and not (lenient and may_lack):
            raise DataError(
                f'The splits disagree about their classes: {some(odd)} in one of '
                f'{places[0]} and {place} alone: name the folders of a class alike '
                'in all splits.'
            )
