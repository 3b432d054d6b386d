"""COCO's JSON, which MMDetection reads as it is."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

from loma_mm.datasets.coco_json import read_coco_json, what_is_wrong_with_box
from loma_mm.datasets.image_check import image_size
from loma_mm.datasets.lists import check_inside
from loma_mm.errors import DataError

from .found import (
    Found,
    Problem,
    Split,
    split_names,
    split_of_folder,
    train_and_test,
    unreadable,
)

OUTSIDE = 'an image outside of the dataset'


def read_coco(
    data: Path,
    images: Path | None,
    annotations: list[Path],
    out: Path,
    test_share: float,
    seed: int,
) -> Found:
    """Find out what a dataset with COCO's JSON holds.

    One file is split, by images; of several, the names of the files or their
    folders say which is for training. What is written are JSON files again,
    with the images that are there and the classes that have objects, the same
    in both: MMDetection counts labels in the order of the file's categories.

    Args:
        data (Path): Where the images are.
        images (Path, optional): The folder to which ``file_name`` is relative.
        annotations (list[Path]): The JSON files.
        out (Path): The files that are written begin with this path.
        test_share (float): Of a split that is drawn.
        seed (int): Of that split.

    Raises:
        DataError: If a file is no detection dataset of COCO's form, or nothing
            is left to train or to test on.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    sizes: Counter = Counter()
    root = images or data
    sets = [_Usable(path, root, images, sizes, problems) for path in annotations]
    if len(sets) == 1:
        train_files, test_files = split_names(sets[0].images, test_share, seed)
        chosen = [(sets[0], set(train_files)), (sets[0], set(test_files))]
        notes.append(f'The test set is drawn, with seed {seed}.')
    else:
        parts: dict[str, list] = {}
        for one in sets:
            parts.setdefault(_split_of(one.path), []).append(one)
        if not parts.get('train') or len(parts) < 2:
            raise DataError(
                f'Of {", ".join(map(str, annotations))} the names do not say which is '
                'for training and which for testing: give one with --annotations.'
            )
        train, test = train_and_test(parts, notes)
        chosen = [(train[0], set(train[0].images)), (test[0], set(test[0].images))]
    counts = [one.objects(names) for one, names in chosen]
    classes = [name for name in chosen[0][0].names if sum(c[name] for c in counts)]
    unknown = set(counts[1]) - set(classes)
    if unknown:
        raise DataError(
            f'{chosen[1][0].path} has {", ".join(sorted(unknown))}, which '
            f'{chosen[0][0].path} does not name among its categories.'
        )
    for which, count in zip(('train', 'test'), counts):
        if not count:
            raise DataError(f'The {which} set has no object.')
    unused = [name for name in chosen[0][0].names if name not in classes]
    if unused:
        notes.append(f'No object is a {", ".join(unused)}: no class of the config.')
    splits = [
        Split(
            f'{out}_{which}.json',
            json.dumps(one.dataset(names, classes)),
            len(names),
            count,
        )
        for which, (one, names), count in zip(('train', 'test'), chosen, counts)
    ]
    train_split, test_split = splits
    return Found(
        'coco',
        str(root),
        '',
        '',
        tuple(classes),
        train_split,
        test_split,
        sizes,
        problems,
        notes,
    )


def is_coco(path: Path) -> bool:
    """Whether a JSON file is a dataset of COCO's form."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and {'images', 'annotations'} <= set(content)


def _split_of(path: Path) -> str:
    words = [path.parent.name, *path.stem.replace('-', '_').split('_')]
    return next(filter(None, map(split_of_folder, words)), '')


class _Usable:
    """Of one JSON file, the images that are there with their annotations."""

    def __init__(
        self,
        path: Path,
        root: Path,
        images: Path | None,
        sizes: Counter,
        problems: list[Problem],
    ) -> None:
        self.path = path
        content = read_coco_json(str(path))
        self.names = {c['name']: c['id'] for c in content['categories']}
        by_id = {c['id']: c['name'] for c in content['categories']}
        folders = [images] if images else [path.parent, root, path.parent / 'images']
        folders += [] if images else [root / 'images', *_siblings(root, path)]
        self.images: dict[str, dict] = {}
        self.annotations: dict[Any, list[dict]] = {}
        for image in content['images']:
            file = _find(folders, image['file_name'])
            if file is None:
                problems.append(
                    Problem(
                        str(path), 'no image', f'there is no image {image["file_name"]}'
                    )
                )
                continue
            try:
                check_inside(str(file), str(root), image['file_name'])
            except DataError as error:
                problems.append(Problem(str(path), OUTSIDE, str(error)))
                continue
            try:
                size = image_size(str(file))
            except DataError as error:
                problems.append(unreadable(str(file), error))
                continue
            sizes[size] += 1
            name = os.path.relpath(file, root)
            self.images[name] = dict(
                image, file_name=name, width=size[0], height=size[1]
            )
        if not self.images:
            raise DataError(
                f'Of the {len(content["images"])} images that {path} names none was '
                f'found in {root}: say where they are with --images.'
            )
        known = {image['id']: image for image in self.images.values()}
        for ann in content['annotations']:
            label, image = by_id.get(ann['category_id']), known.get(ann['image_id'])
            if image is None:
                continue
            wrong = 'of no category' if label is None else _what_is_wrong(ann, image)
            if wrong:
                problems.append(
                    Problem(
                        str(path),
                        wrong,
                        f'annotation {ann.get("id")} of {image["file_name"]} {wrong}',
                    )
                )
                continue
            self.annotations.setdefault(image['id'], []).append(dict(ann, label=label))

    def objects(self, names: set[str]) -> Counter:
        return Counter(
            ann['label']
            for name in names
            for ann in self.annotations.get(self.images[name]['id'], [])
        )

    def dataset(self, names: set[str], classes: list[str]) -> dict:
        """The part of some images, in COCO's form."""
        images = [self.images[name] for name in sorted(names)]
        ids = {name: i for i, name in enumerate(classes, 1)}
        annotations: list[dict] = []
        for image in images:
            for ann in self.annotations.get(image['id'], []):
                label, box = ann['label'], ann['bbox']
                part = {
                    'area': box[2] * box[3],
                    'iscrowd': 0,
                    **ann,
                    'category_id': ids[label],
                    'id': len(annotations) + 1,
                }
                del part['label']
                annotations.append(part)
        categories = [dict(id=i, name=name) for name, i in ids.items()]
        return dict(images=images, annotations=annotations, categories=categories)


def _siblings(root: Path, path: Path) -> list[Path]:
    """COCO keeps the images of annotations/instances_val2017.json in val2017/."""
    words = path.stem.split('_')
    return [folder / word for folder in (root, root / 'images') for word in words]


def _find(folders: list[Path], name: str) -> Path | None:
    return next((f / name for f in folders if (f / name).is_file()), None)


def _what_is_wrong(ann: dict, image: dict) -> str:
    if wrong := what_is_wrong_with_box(ann):
        return wrong
    x, y, width, height = ann['bbox']
    if width < 1 or height < 1:
        return 'has no width or height'
    if x >= image['width'] or y >= image['height'] or x + width <= 0 or y + height <= 0:
        return 'is outside the image'
    return ''
