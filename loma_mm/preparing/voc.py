"""Images and VOC's XML, wherever they lie."""

import os
from collections import Counter
from pathlib import Path

from mmengine.fileio import list_from_file

from loma_mm.datasets.image_files import SUFFIXES
from loma_mm.datasets.lists import read_lines
from loma_mm.errors import DataError

from .found import (
    Found,
    Problem,
    Split,
    split_names,
    split_of_folder,
    train_and_test,
    visible_files,
)
from .voc_xml import BrokenAnnotationError, read_annotation

# Pairs of lists in ImageSets/Main, as VOC names them.
LISTS = (('trainval', 'test'), ('train', 'test'), ('train', 'val'))


def read_voc(
    data: Path,
    images: Path | None,
    annotations: Path | None,
    lists: tuple[Path, Path] | None,
    out: Path,
    test_share: float,
    seed: int,
) -> Found:
    """Find out what a dataset with VOC's XML holds.

    An annotation that cannot be read, or has no image, goes into no list.
    Lists that are there, and name nothing of that kind, are taken as they are.

    Args:
        data (Path): Where both are.
        images (Path, optional): The folder of the images, if it is known.
        annotations (Path, optional): That of the XML files.
        lists (tuple[Path, Path], optional): Train and test list to take.
        out (Path): The lists that are written begin with this path.
        test_share (float): Of a split that is drawn.
        seed (int): Of that split.

    Raises:
        DataError: If nothing is left to train or to test on.
    """
    ann_dir = annotations or _common_folder(visible_files(data, ['.xml']))
    files = visible_files(ann_dir, ['.xml'])
    if not files:
        raise DataError(f'There is no XML file in {ann_dir}.')
    ids = [path.relative_to(ann_dir).with_suffix('').as_posix() for path in files]
    img_dir = images or _image_folder(data, ids)
    problems: list[Problem] = []
    notes: list[str] = []
    sizes: Counter = Counter()
    objects: dict[str, Counter] = {}
    for name, path in zip(ids, files):
        try:
            objects[name] = read_annotation(path, img_dir, name, sizes, problems)
        except BrokenAnnotationError as error:
            problems.append(Problem(*error.args))
    if not any(objects.values()):
        first = f' ({problems[0]})' if problems else ''
        raise DataError(f'No annotation in {ann_dir} has an object to learn{first}.')
    lists = lists or _own_lists(ann_dir.parent)
    train, test = _split(ids, objects, lists, out, test_share, seed, notes, problems)
    classes = sorted(set().union(*objects.values()))
    known = set(ids)
    unlabelled = sum(
        path.relative_to(img_dir).with_suffix('').as_posix() not in known
        for path in visible_files(img_dir, SUFFIXES)
    )
    if unlabelled:
        notes.append(f'{unlabelled} images have no annotation and are in no list.')
    empty = sum(not found for found in objects.values())
    if empty:
        notes.append(
            f'{empty} annotations have no object: training skips those images.'
        )
    root = os.path.commonpath([img_dir, ann_dir])
    return Found(
        'voc',
        root,
        os.path.relpath(img_dir, root),
        os.path.relpath(ann_dir, root),
        tuple(classes),
        train,
        test,
        sizes,
        problems,
        notes,
    )


def _common_folder(files: list[Path]) -> Path:
    return Path(os.path.commonpath([path.parent for path in files]))


def _image_folder(data: Path, ids: list[str]) -> Path:
    """The folder below which most annotations have their image."""
    known = set(ids)
    votes: Counter = Counter()
    for path in visible_files(data, SUFFIXES):
        stem = path.with_suffix('')
        for folder in [stem.parent, *stem.parent.parents]:
            if stem.relative_to(folder).as_posix() in known:
                votes[folder] += 1
            if folder == data:
                break
    if not votes:
        raise DataError(
            f'No image below {data} has the name of an XML file: give one folder of '
            'images with --images and its XML files with --annotations.'
        )
    return min(votes, key=lambda folder: (-votes[folder], _is_mask(folder), folder))


def _is_mask(folder: Path) -> bool:
    """Whether it holds VOC's masks, which are named as their images."""
    return folder.name.startswith('Segmentation')


def _own_lists(root: Path) -> tuple[Path, Path] | None:
    for folder in (root / 'ImageSets' / 'Main', root):
        for pair in LISTS:
            paths = folder / f'{pair[0]}.txt', folder / f'{pair[1]}.txt'
            if all(path.is_file() for path in paths):
                return paths
    return None


def _split(
    ids: list[str],
    objects: dict[str, Counter],
    lists: tuple[Path, Path] | None,
    out: Path,
    test_share: float,
    seed: int,
    notes: list[str],
    problems: list[Problem],
) -> tuple[Split, Split]:
    by_folder: dict[str, list[str]] = {}
    for name in objects:
        by_folder.setdefault(split_of_folder(name.split('/')[0]) or '', []).append(name)
    if lists is not None:
        known = set(ids)
        given: list[list[str]] = [_read_list(p, known, problems) for p in lists]
        notes.append(f'The lists {lists[0]} and {lists[1]} are there already.')
    elif by_folder.get('train') and set(by_folder) > {'train'} and '' not in by_folder:
        given = [*train_and_test(by_folder, notes)]
        notes.append('Train and test are the folders of these names.')
    else:
        given = [*split_names(objects, test_share, seed)]
        notes.append(f'The test set is drawn, with seed {seed}.')
    parts = []
    for i, (which, names) in enumerate(zip(('train', 'test'), given)):
        usable = [name for name in names if name in objects]
        if not any(objects[name] for name in usable):
            raise DataError(f'The {which} set has no annotation with an object.')
        same = lists is not None and usable == _read_plainly(lists[i])
        parts.append(
            Split(
                str(lists[i]) if lists and same else f'{out}_{which}.txt',
                None if same else '\n'.join(usable) + '\n',
                len(usable),
                sum((objects[name] for name in usable), Counter()),
            )
        )
    return parts[0], parts[1]


def _read_plainly(path: Path) -> list[str] | None:
    """As MMDetection's own datasets read it."""
    try:
        return list_from_file(str(path))
    except UnicodeDecodeError:
        return None


def _read_list(path: Path, known: set[str], problems: list[Problem]) -> list[str]:
    """The names in a list, each once, those without an annotation too."""
    names: dict[str, int] = {}
    for number, line in read_lines(str(path)):
        stem, suffix = os.path.splitext(line)
        suffixed = line not in known and suffix.lower() in (*SUFFIXES, '.xml')
        names.setdefault(stem if suffixed else line, number)
    problems += [
        Problem(
            f'{path}:{number}', 'a line without an annotation', f'no XML for {name!r}'
        )
        for name, number in names.items()
        if name not in known
    ]
    return list(names)
