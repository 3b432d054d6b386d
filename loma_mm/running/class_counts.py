"""Detection: which classes the annotations of a dataset have, over all files."""

import json
import os.path as osp
from collections import Counter
from typing import Any

from mmengine.fileio import list_from_file

from loma_mm.datasets.voc_xml import read_voc_xml
from loma_mm.errors import DataError
from loma_mm.names import count, nearest, some

from .options import write_names


def check_class_counts(split: str, datasets: list[tuple[Any, str]]) -> list[str]:
    """Compare the classes of a split with the names in its annotations.

    Datasets skip what is of no class silently, and what is left may be nothing.

    Args:
        split (str): 'train', 'val' or 'test'.
        datasets (list[tuple[BaseDataset, str]]): Those of the split with their
            places in the config; none has read its data.

    Returns:
        list[str]: Sentences to show: names without a class and classes without
        an object, with their counts.

    Raises:
        DataError: If no object of a dataset is of any class, or MMDetection
            would number the classes of a JSON otherwise than its config does.
    """
    total: Counter = Counter()
    known: dict[str, None] = {}
    places = []
    for dataset, place in datasets:
        counts = count_objects(dataset)
        if counts is None:
            return []
        classes = list(map(str, dataset.metainfo.get('classes') or ()))
        if counts and not set(counts).intersection(classes):
            raise DataError(
                f'{place} knows the classes {some(classes)}, but the annotations of '
                f'{dataset.ann_file} name {_counted(counts)}: give the names with '
                f'--cfg-options {write_names(sorted(counts))}.'
            )
        _check_order(dataset, place, classes)
        total.update(counts)
        known |= dict.fromkeys(classes)
        places.append(place)
    if not datasets:
        return []
    if split == 'train' and not total:
        raise DataError(
            f'No annotation of {datasets[0][0].ann_file} has an object, so there is '
            'nothing to learn: annotate the images, or give another list.'
        )
    if not total:
        return [
            f'{places[0]}: no annotation of {datasets[0][0].ann_file} has an object, '
            'so there is nothing to find and no score means anything.'
        ]
    unknown = Counter({name: n for name, n in total.items() if name not in known})
    absent = [name for name in known if not total[name]]
    notes = []
    if unknown:
        near = [(name, nearest(name, known)) for name in unknown]
        hints = [f'{name} for {other}' for name, other in near if other]
        notes.append(
            f'{places[0]}: {count(sum(unknown.values()), "object")} of '
            f'{sum(total.values())} are of no class and left out, {_counted(unknown)}'
            + (f'; {", ".join(hints)}?' if hints else '.')
        )
    if absent:
        notes.append(
            f'{places[0]}: of {count(sum(total.values()), "object")} none is of the '
            f'{"class" if len(absent) == 1 else "classes"} {some(absent)}.'
        )
    return notes


def _counted(counts: Counter) -> str:
    return some([f'{name} ({n})' for name, n in counts.most_common()])


def count_objects(dataset: Any) -> Counter | None:
    """Objects by name in all annotations of a dataset.

    Args:
        dataset (BaseDataset): Of VOC's XML or COCO's JSON, not initialised.

    Returns:
        Counter | None: None for annotations of another form, or elsewhere.
    """
    if getattr(dataset, 'backend_args', None):
        return None
    if is_voc(dataset):
        return _count_voc(dataset)
    categories = _coco(dataset)
    return None if categories is None else Counter(dict(categories[1]))


def is_voc(dataset: Any) -> bool:
    """Whether it is one of mmdet's datasets with an XML file for each image."""
    return hasattr(dataset, 'ann_subdir')


def _count_voc(dataset: Any) -> Counter:
    if hasattr(dataset, 'listed'):
        read = (dataset.annotation(path) for _, _, path in dataset.listed())
    else:
        folder = osp.join(dataset.sub_data_root, dataset.ann_subdir)
        names = list_from_file(dataset.ann_file)
        read = (read_voc_xml(osp.join(folder, f'{name}.xml')) for name in names)
    return Counter(one.name for annotation in read for one in annotation.objects)


# Of the last files that were read: when they were changed, and what they hold.
_READ: dict[str, tuple[float, tuple[list[str], Counter]]] = {}


def keep_counts(path: str, content: dict) -> None:
    """Count the objects in COCO's JSON, so that it need not be read again."""
    names = {one['id']: str(one['name']) for one in content['categories']}
    ids = Counter(one['category_id'] for one in content.get('annotations', ()))
    counts: Counter = Counter()
    for key, number in ids.items():
        counts[names.get(key, f'category_id {key}')] += number
    _READ[path] = osp.getmtime(path), (list(names.values()), counts)


def _coco(dataset: Any) -> tuple[list[str], Counter] | None:
    """Categories in their order, and objects of each, of COCO's JSON."""
    path = dataset.ann_file
    if not hasattr(dataset, 'COCOAPI') or not path or not osp.isfile(path):
        return None
    if path not in _READ or _READ[path][0] != osp.getmtime(path):
        with open(path, encoding='utf-8') as file:
            keep_counts(path, json.load(file))
    return _READ[path][1]


def _check_order(dataset: Any, place: str, classes: list[str]) -> None:
    """MMDetection numbers classes as they come in the file, not in the config."""
    found = None if is_voc(dataset) else _coco(dataset)
    if found is None:
        return
    used = [name for name in found[0] if name in classes]
    if used == classes[: len(used)]:
        return
    everything = [*used, *(name for name in classes if name not in used)]
    raise DataError(
        f'{place} names its classes in the order {some(classes)}, and MMDetection '
        f'numbers them as {dataset.ann_file} does, {some(used)}, so that labels would '
        f'get wrong names: give --cfg-options {write_names(everything)}.'
    )
