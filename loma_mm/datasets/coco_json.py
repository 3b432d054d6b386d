"""COCO's JSON, read with a word for what is wrong in it."""

import json
import math
from collections import Counter
from typing import Any

from loma_mm.errors import DataError

# What every dataset of COCO's form has.
KEYS = {
    'images': ('id', 'file_name'),
    'annotations': ('image_id', 'category_id'),
    'categories': ('id', 'name'),
}
# What MMDetection reads beside that.
READ = {
    'images': ('width', 'height'),
    'annotations': ('id', 'bbox', 'area'),
    'categories': (),
}


def read_coco_json(path: str, as_mmdet: bool = False) -> dict:
    """Read a dataset.

    Args:
        path (str): The file.
        as_mmdet (bool): Whether it must have all that MMDetection reads, with
            ids of one meaning. Defaults to False.

    Raises:
        DataError: If it is no detection dataset of COCO's form, in one
            sentence with the line or the entry.
    """
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except UnicodeDecodeError as error:
        raise DataError(f'{path} is not UTF-8: save it as UTF-8.') from error
    except json.JSONDecodeError as error:
        raise DataError(f'{path}:{error.lineno} is no JSON: {error.msg}.') from error
    except RecursionError as error:
        raise DataError(f'{path} is no dataset: it is nested too deep.') from error
    except OSError as error:
        raise DataError(f'{path} cannot be read: {error.strerror}.') from error
    for part, needed in KEYS.items():
        entries = content.get(part) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise DataError(f'{path} has no list of {part}, as COCO has.')
        keys = (*needed, *READ[part]) if as_mmdet else needed
        for i, entry in enumerate(entries):
            _check_entry(entry, keys, f'{path}: {part}[{i}]')
        if as_mmdet:
            _check_ids(entries, f'{path}: {part}')
    if as_mmdet:
        for i, ann in enumerate(content['annotations']):
            if wrong := what_is_wrong_with_box(ann):
                raise DataError(f'{path}: annotations[{i}] {wrong}.')
        _check_names(content['categories'], path)
    return content


def _check_entry(entry: Any, keys: tuple[str, ...], where: str) -> None:
    if not isinstance(entry, dict):
        raise DataError(f'{where} is {entry!r:.40}, and no object with {keys[0]}.')
    for key in keys:
        if key not in entry:
            raise DataError(f'{where} has no {key}.')
        value = entry[key]
        if key in ('file_name', 'name') and not (isinstance(value, str) and value):
            raise DataError(f'{where} has a {key} that is no name: {value!r:.40}.')
        if key in ('id', 'image_id', 'category_id') and (
            isinstance(value, bool) or not isinstance(value, (int, str))
        ):
            raise DataError(f'{where} has a {key} that is no number: {value!r:.40}.')
        if key in ('width', 'height', 'area') and not _is_number(value):
            raise DataError(f'{where} has a {key} that is no number: {value!r:.40}.')


def _check_ids(entries: list[dict], where: str) -> None:
    twice = [one for one, n in Counter(e['id'] for e in entries).items() if n > 1]
    if twice:
        raise DataError(
            f'{where} have the id {twice[0]} more than once'
            + (f', and {len(twice) - 1} other ids' if len(twice) > 1 else '')
            + ': give each its own.'
        )


def _check_names(categories: list[dict], path: str) -> None:
    twice = [n for n, k in Counter(c['name'] for c in categories).items() if k > 1]
    if twice:
        # MMDetection would count labels beyond the last class.
        raise DataError(
            f'{path} has more than one category {twice[0]}: give them one id.'
        )


def what_is_wrong_with_box(ann: dict) -> str:
    """'' if an annotation has a box of four numbers."""
    box = ann.get('bbox')
    if not isinstance(box, list) or len(box) != 4 or not all(map(_is_number, box)):
        return 'has no box of four numbers'
    return ''


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
