"""Images and VOC's XML, wherever they lie."""

import os
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from mmengine.fileio import list_from_file

from loma_mm.datasets.image_files import SUFFIXES, find_image
from loma_mm.errors import DataError

from .found import (
    Found,
    Problem,
    Split,
    image_size,
    split_names,
    split_of_folder,
    train_and_test,
    visible_files,
)

# Pairs of lists in ImageSets/Main, as VOC names them.
LISTS = (('trainval', 'test'), ('train', 'test'), ('train', 'val'))


class _BrokenError(Exception):
    """An annotation that training could not read."""


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
            objects[name] = _read(path, img_dir, name, sizes, problems)
        except _BrokenError as error:
            problems.append(Problem(*error.args))
    if not any(objects.values()):
        first = f' ({problems[0]})' if problems else ''
        raise DataError(f'No annotation in {ann_dir} has an object to learn{first}.')
    lists = lists or _own_lists(ann_dir.parent)
    train, test = _split(ids, objects, lists, out, test_share, seed, notes, problems)
    classes = sorted(set().union(*objects.values()))
    unlabelled = sum(
        path.relative_to(img_dir).with_suffix('').as_posix() not in set(ids)
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


def _read(
    path: Path, img_dir: Path, name: str, sizes: Counter, problems: list[Problem]
) -> Counter:
    """Objects by class of one file; notes what is wrong and can be borne."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise _BrokenError(
            f'{path}:{line}', 'XML that cannot be read', f'{error}'
        ) from error
    except (OSError, ValueError, LookupError) as error:
        raise _BrokenError(str(path), 'XML that cannot be read', f'{error}') from error
    if root.tag != 'annotation':
        raise _BrokenError(
            str(path), 'no VOC annotation', f'its root is {root.tag}, not annotation'
        )
    img_path = find_image(str(img_dir), name)
    if img_path is None:
        raise _BrokenError(
            str(path), 'no image', f'there is no image {img_dir / name}.*'
        )
    try:
        width, height = image_size(img_path)
    except DataError as error:
        raise _BrokenError(img_path, 'an image that cannot be opened') from error
    said = _said_size(path, root)
    if said is not None and said != (width, height):
        problems.append(
            Problem(
                str(path),
                'another size than its image has',
                f'it says {said[0]} x {said[1]} and {img_path} has {width} x {height}',
            )
        )
    found: Counter = Counter()
    for i, node in enumerate(root.findall('object')):
        label, box = _read_object(path, i, node)
        wrong = _what_is_wrong(box, width, height)
        if wrong:
            problems.append(
                Problem(
                    str(path), wrong, f'{label} {box} {wrong}, {width} x {height} px'
                )
            )
        found[label] += 1
    sizes[width, height] += 1
    return found


def _said_size(path: Path, root: ElementTree.Element) -> tuple[int, int] | None:
    size = root.find('size')
    if size is None:
        return None
    try:
        return int(size.findtext('width', '')), int(size.findtext('height', ''))
    except ValueError as error:
        raise _BrokenError(
            str(path),
            'a size that is no whole number',
            f'its size is {size.findtext("width")} x {size.findtext("height")}',
        ) from error


def _read_object(
    path: Path, i: int, node: ElementTree.Element
) -> tuple[str, tuple[float, ...]]:
    """Name and box, as MMDetection's XMLDataset reads them."""
    label = node.findtext('name')
    if not label:
        raise _BrokenError(
            str(path), 'an object without a name', f'object {i} has no name'
        )
    box = node.find('bndbox')
    if box is None:
        raise _BrokenError(
            str(path),
            'an object without a box',
            f'object {i}, {label}, has no bndbox',
        )
    try:
        int(node.findtext('difficult', '0'))
        values = [float(box.findtext(k, '')) for k in ('xmin', 'ymin', 'xmax', 'ymax')]
        # No number that is none, nor infinity.
        return label, tuple(map(int, values))
    except (ValueError, OverflowError) as error:
        raise _BrokenError(
            str(path), 'an object that cannot be read', f'object {i}, {label}: {error}'
        ) from error


def _what_is_wrong(box: tuple[float, ...], width: int, height: int) -> str:
    """Of a box in VOC's coordinates: the first pixel is 1."""
    x_min, y_min, x_max, y_max = box
    if x_max <= x_min or y_max <= y_min:
        return 'has no width or height'
    if x_min > width or y_min > height or x_max < 1 or y_max < 1:
        return 'is outside the image'
    # A box that ends where the image does may be counted from 0 or from 1.
    if x_min < 0 or y_min < 0 or x_max > width + 1 or y_max > height + 1:
        return 'is partly outside the image'
    return ''


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
            f'No image in {data} has the name of an XML file: say where the images '
            'are with --images.'
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
        same = lists is not None and usable == _lines(lists[i])
        parts.append(
            Split(
                str(lists[i]) if lists and same else f'{out}_{which}.txt',
                None if same else '\n'.join(usable) + '\n',
                len(usable),
                sum((objects[name] for name in usable), Counter()),
            )
        )
    return parts[0], parts[1]


def _lines(path: Path) -> list[str]:
    """As MMEngine reads them."""
    return list_from_file(str(path))


def _read_list(path: Path, known: set[str], problems: list[Problem]) -> list[str]:
    """The names in a list, those without an annotation too."""
    try:
        # Not splitlines: that knows more ends of lines than MMEngine.
        text = path.read_text(encoding='utf-8')
    except UnicodeDecodeError as error:
        raise DataError(
            f'{path} is not UTF-8 ({error.reason}): save it as UTF-8.'
        ) from error
    # The mark at the start that some editors write would be part of a name.
    names = [line.strip() for line in text.removeprefix('\ufeff').split('\n')]
    while names and not names[-1]:
        names.pop()
    problems += [
        Problem(f'{path}:{i}', 'a line without an annotation', f'no XML for {name!r}')
        for i, name in enumerate(names, 1)
        if name not in known
    ]
    return names
