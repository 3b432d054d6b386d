"""Annotation files are read before the start, all of them."""

import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.dataset import BaseDataset

from loma_mm.datasets.coco_json import read_coco_json
from loma_mm.datasets.lists import check_inside, read_lines
from loma_mm.datasets.voc_xml import AnnotationError
from loma_mm.errors import DataError

from .class_counts import keep_counts

# Files named of those that have something wrong.
NAMED = 3


def check_annotations(dataset: BaseDataset, place: str) -> list[str]:
    """Read what a dataset's list, XML or JSON says.

    Args:
        dataset (BaseDataset): Not initialised.
        place (str): Its dotted key in the config.

    Returns:
        list[str]: Sentences to show.

    Raises:
        DataError: If a file cannot be read, with its line where there is one,
            names what is not there, or leads out of the dataset.
    """
    if getattr(dataset, 'backend_args', None) or '://' in (dataset.ann_file or ''):
        return []
    if hasattr(dataset, 'listed'):
        _check_xml(dataset)
    elif getattr(getattr(dataset, 'COCOAPI', None), '__name__', '') == 'COCO':
        return _check_coco(dataset)
    elif hasattr(dataset, 'split_line') and dataset.ann_file:
        _check_list(dataset)
    return []


def others(names: Sequence[str]) -> str:
    """The rest of several that have the same thing wrong, in brackets.

    Example:
        >>> others(['a.xml', 'b.xml', 'c.xml', 'd.xml', 'e.xml'])
        ' (as have b.xml, c.xml, d.xml and 1 more)'
        >>> others(['a.xml'])
        ''
    """
    rest = list(names[1:])
    if not rest:
        return ''
    shown = ', '.join(rest[:NAMED])
    more = f' and {len(rest) - NAMED} more' if len(rest) > NAMED else ''
    return f' (as have {shown}{more})'


def _check_xml(dataset: Any) -> None:
    listed = dataset.listed()
    if not listed:
        raise DataError(f'{dataset.ann_file} lists nothing: put names into it.')
    broken: dict[str, AnnotationError] = {}
    lonely: list[str] = []
    for number, name, path in listed:
        if not osp.isfile(path):
            raise DataError(
                f'{dataset.ann_file}:{number} lists {name}, but there is no {path}: '
                'complete the dataset or mend the list.'
            )
        try:
            dataset.annotation(path)
        except AnnotationError as error:
            broken[path] = error
        if dataset.find_image(name) is None:
            lonely.append(name)
    if broken:
        first = next(iter(broken.values()))
        raise DataError(
            f'{str(first).removesuffix(".")}{others(list(broken))}: mend it, or take '
            f'its name out of {dataset.ann_file}.'
        )
    if lonely:
        folder = osp.join(dataset.sub_data_root or '', dataset.img_subdir)
        raise DataError(
            f'There is no image {lonely[0]} in {folder}, which {dataset.ann_file} '
            f'lists{others(lonely).replace("as have", "nor")}: put it there, or take '
            'the line out.'
        )


def _check_coco(dataset: Any) -> list[str]:
    path = dataset.ann_file
    content = read_coco_json(path, as_mmdet=True)
    keep_counts(path, content)
    images = {image['id'] for image in content['images']}
    for i, image in enumerate(content['images']):
        _check_inside(dataset, 'img', image['file_name'], f'{path}: images[{i}]')
    lost = [a['id'] for a in content['annotations'] if a['image_id'] not in images]
    if not lost:
        return []
    return [
        f'{path}: {len(lost)} of {len(content["annotations"])} annotations, the first '
        f'with id {lost[0]}, are of no image that the file has: they are left out.'
    ]


def _check_list(dataset: Any) -> None:
    lines = read_lines(dataset.ann_file)
    if not lines:
        raise DataError(f'{dataset.ann_file} lists nothing: put images into it.')
    for number, line in lines:
        where = f'{dataset.ann_file}:{number}'
        name = dataset.split_line(line, where)[0]
        _check_inside(dataset, 'img_path', name, where)


def _check_inside(dataset: Any, prefix: str, name: str, where: str) -> None:
    """Within the dataset's folder, or that of its images."""
    folder = dataset.data_prefix.get(prefix) or ''
    path = osp.join(folder, name)
    try:
        check_inside(path, folder, where)
    except DataError:
        if not dataset.data_root:
            raise
        check_inside(path, dataset.data_root, where)
