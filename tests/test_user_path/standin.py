"""Small data in the format and place in which the shipped configs want it."""

import hashlib
import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np

VOC_CLASSES = ('aeroplane', 'cat', 'dog', 'tvmonitor')
BCCD_CLASSES = ('RBC', 'WBC', 'Platelets')


def write_image(path: Path, height: int, width: int, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(pixels, (width, height)))


def make_cifar(folder: Path, files: dict[str, int], labels: str, meta: dict) -> None:
    """Pickled batches as https://www.cs.toronto.edu/~kriz/cifar.html has them.

    Args:
        folder (Path): Where they go.
        files (dict[str, int]): Images of each file.
        labels (str): The key of the labels.
        meta (dict): The file of names, and the names by key.
    """
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for name, count in files.items():
        batch = {
            'data': rng.integers(0, 256, (count, 3 * 32 * 32), np.uint8),
            labels: rng.integers(0, 10, count).tolist(),
        }
        (folder / name).write_bytes(pickle.dumps(batch))
    for name, names in meta.items():
        (folder / name).write_bytes(pickle.dumps(names))


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def make_folders(root: Path, splits: dict[str, int], classes: Sequence[str]) -> None:
    """``split/class/*.jpg``, which ImageNet and image folders have.

    Args:
        root (Path): Where they go.
        splits (dict[str, int]): Images of each class, by split.
        classes (Sequence[str]): Folders of the classes.
    """
    rng = np.random.default_rng(0)
    picture = root / 'one.jpg'
    write_image(picture, 40, 48, rng)
    for split, count in splits.items():
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                os.link(picture, folder / f'{i}.jpg')


def make_voc(root: Path, lists: dict[str, int], classes: Sequence[str]) -> None:
    """Images, XML annotations and lists as in VOC's devkit."""
    rng = np.random.default_rng(0)
    for name in ('Annotations', 'ImageSets/Main'):
        (root / name).mkdir(parents=True)
    for split, count in lists.items():
        names = [f'{split}_{i:06}' for i in range(count)]
        (root / 'ImageSets' / 'Main' / f'{split}.txt').write_text('\n'.join(names))
        for name in names:
            height, width = 64, 96
            write_image(root / 'JPEGImages' / f'{name}.jpg', height, width, rng)
            tree = ET.Element('annotation')
            ET.SubElement(tree, 'filename').text = f'{name}.jpg'
            size = ET.SubElement(tree, 'size')
            for key, value in (('width', width), ('height', height), ('depth', 3)):
                ET.SubElement(size, key).text = str(value)
            for label in rng.choice(classes, 2, replace=False):
                node = ET.SubElement(tree, 'object')
                ET.SubElement(node, 'name').text = str(label)
                ET.SubElement(node, 'difficult').text = '0'
                box = ET.SubElement(node, 'bndbox')
                x, y = rng.integers(1, 25, 2)
                for key, value in (
                    ('xmin', x),
                    ('ymin', y),
                    ('xmax', x + 36),
                    ('ymax', y + 36),
                ):
                    ET.SubElement(box, key).text = str(value)
            ET.ElementTree(tree).write(root / 'Annotations' / f'{name}.xml')


def make_coco(root: Path, splits: dict[str, int]) -> None:
    """Images and COCO's JSON, with polygons."""
    from mmdet.datasets import CocoDataset

    rng = np.random.default_rng(0)
    names = CocoDataset.METAINFO['classes']
    (root / 'annotations').mkdir(parents=True)
    for split, count in splits.items():
        images, annotations = [], []
        for n in range(count):
            write_image(root / split / f'{n:012}.jpg', 64, 96, rng)
            images.append(dict(id=n, file_name=f'{n:012}.jpg', height=64, width=96))
            x, y = map(int, rng.integers(1, 25, 2))
            outline = [x, y, x + 36, y, x + 36, y + 36, x, y + 36]
            annotations.append(
                dict(
                    id=n + 1,
                    image_id=n,
                    category_id=1 + n % len(names),
                    bbox=[x, y, 36, 36],
                    area=36 * 36,
                    iscrowd=0,
                    segmentation=[outline],
                )
            )
        categories = [dict(id=i, name=name) for i, name in enumerate(names, 1)]
        (root / 'annotations' / f'instances_{split}.json').write_text(
            json.dumps(
                dict(images=images, annotations=annotations, categories=categories)
            )
        )


def make_data(root: Path) -> None:
    """Everything that a shipped config reads, below ``root/data``."""
    data = root / 'data'
    make_cifar(
        data / 'cifar10' / 'cifar-10-batches-py',
        {**{f'data_batch_{i}': 1 for i in range(1, 6)}, 'test_batch': 4},
        'labels',
        {'batches.meta': {'label_names': [f'c{i}' for i in range(10)]}},
    )
    make_cifar(
        data / 'cifar100' / 'cifar-100-python',
        {'train': 5, 'test': 4},
        'fine_labels',
        {'meta': {'fine_label_names': [str(i) for i in range(100)]}},
    )
    classes = [f'c{i}' for i in range(10)]
    thousand = [f'n{i:08}' for i in range(1000)]
    make_folders(data / 'imagenet', {'train': 1, 'val': 1}, thousand)
    make_folders(data / 'image_folder', {'train': 2, 'test': 1}, classes)
    # For the study, which takes the first 500.
    make_folders(data / 'cifar10-photos', {'train': 500, 'test': 1}, classes)
    make_folders(root / 'images', {'train': 2, 'test': 1}, classes[:5])
    make_coco(data / 'coco', {'train2017': 4, 'val2017': 2})
    devkit = data / 'VOCdevkit'
    make_voc(devkit / 'VOC2007', {'trainval': 2, 'test': 2}, VOC_CLASSES)
    make_voc(devkit / 'VOC2012', {'trainval': 2}, VOC_CLASSES)
    make_voc(data / 'BCCD', {'trainval': 4, 'test': 2}, BCCD_CLASSES)
