"""The samples of a dataset as training gets them, looked at before the start."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mmcv
import numpy as np
from mmengine.dataset import BaseDataset

from loma_mm.datasets.image_check import image_size
from loma_mm.errors import ConfigError, DataError, LomaError

from .console import imports_aside
from .knobs import head_outputs

# Files named of those that have something wrong.
NAMED = 3
# Of more images than these none is opened, which would take minutes: that they
# are there and not empty is seen all the same, the rest when they are loaded.
MOST = 50_000
THREADS = 8


def check_samples(
    dataset: BaseDataset, place: str, model: dict, steps: Sequence[dict]
) -> list[str]:
    """Check labels, images and boxes of all samples, in the first process.

    What is read here is read as training reads it: whatever fails would fail
    there.

    Args:
        dataset (BaseDataset): Not initialised; one that is, or is remote, is
            left alone.
        place (str): Its dotted key in the config.
        model (dict): The config of the model.
        steps (Sequence[dict]): Configs of its transforms and of those around it.

    Returns:
        list[str]: Sentences to show: of boxes of which nothing is left.

    Raises:
        ConfigError: If the model has no output for a label.
        DataError: If the dataset or an image cannot be read, or nothing is
            left to learn.
    """
    if (
        dataset._fully_initialized
        or getattr(dataset, 'backend_args', None)
        or getattr(dataset, 'download', False)
        or '://' in f'{dataset.ann_file}{dataset.data_prefix}'
        or os.environ.get('RANK', '0') != '0'
    ):
        return []
    samples = _read(dataset, place)
    _check_labels(samples, place, model)
    sizes = _check_images(samples, place, dataset)
    filtered = any('FilterAnnotations' in str(step) for step in steps)
    return _check_boxes(samples, sizes, place, dataset, filtered)


def identity(dataset: BaseDataset) -> tuple:
    """What two datasets have in common that give the same samples."""
    return (
        type(dataset),
        dataset.ann_file,
        repr(dataset.data_prefix),
        dataset.test_mode,
        repr(dataset.metainfo.get('classes')),
    )


def _read(dataset: BaseDataset, place: str) -> list[dict]:
    dataset.serialize_data = False
    try:
        with imports_aside():
            dataset.full_init()
    except LomaError:
        raise
    except Exception as error:
        raise DataError(
            f'{place} ({type(dataset).__name__}) cannot be read: '
            f'{type(error).__name__}: {" ".join(str(error).split())}.'
        ) from error
    if not len(dataset):
        raise DataError(
            f'{place} has no sample that can be used: {_source(dataset)} has none, or '
            'none with an object.'
        )
    samples = [one for one in dataset.data_list if isinstance(one, dict)]
    if (
        not dataset.test_mode
        and any('instances' in one for one in samples)
        and not any(one.get('instances') for one in samples)
    ):
        raise DataError(
            f'{place} has no object to learn in {len(samples)} images: '
            f'{_source(dataset)} has none of its classes.'
        )
    return samples


def _source(dataset: BaseDataset) -> str:
    folders = [path for path in dataset.data_prefix.values() if path]
    return dataset.ann_file or ', '.join(map(str, folders)) or dataset.data_root


def _check_labels(samples: Sequence[dict], place: str, model: dict) -> None:
    found = head_outputs(model)
    if found is None:
        return
    key, outputs = found
    for sample in samples:
        labels = [one.get('bbox_label') for one in sample.get('instances') or []]
        labels.append(sample.get('gt_label'))
        for label in labels:
            if label is None or (isinstance(label, int) and 0 <= label < outputs):
                continue
            if np.size(label) and (np.min(label) < 0 or np.max(label) >= outputs):
                raise ConfigError(
                    f'{place} gives {_file(sample)} the label {np.max(label)}, and the '
                    f'model tells {outputs} classes apart, counted from 0: give '
                    f'--cfg-options model.{key}={np.max(label) + 1}, or '
                    'mend the labels.'
                )


def _check_images(
    samples: Sequence[dict], place: str, dataset: BaseDataset
) -> dict[str, tuple[int, int]]:
    """Width and height of each image, none where there are too many."""
    paths = list(dict.fromkeys(one['img_path'] for one in samples if _has_file(one)))
    look = _glance if len(paths) > MOST else _look
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(zip(paths, pool.map(look, paths)))
    broken = [one for one in found.values() if isinstance(one, str)]
    if broken:
        more = f' and {len(broken) - NAMED} more' if len(broken) > NAMED else ''
        raise DataError(
            f'{place} has {len(broken)} of {len(paths)} images that cannot be read: '
            f'{"; ".join(broken[:NAMED])}{more}: put whole images there, or take them '
            f'out of {_source(dataset)}.'
        )
    return {path: one for path, one in found.items() if isinstance(one, tuple)}


def _has_file(sample: dict) -> bool:
    return isinstance(sample.get('img_path'), str)


def _look(path: str) -> tuple[int, int] | str:
    """The size of an image, or what is wrong with it."""
    try:
        return image_size(path)
    except DataError as error:
        return str(error).removesuffix('.')


def _glance(path: str) -> tuple[int, int] | str | None:
    whole = os.path.isfile(path) and os.path.getsize(path)
    return None if whole else _look(path)


def _check_boxes(
    samples: Sequence[dict],
    sizes: dict[str, tuple[int, int]],
    place: str,
    dataset: BaseDataset,
    filtered: bool,
) -> list[str]:
    steps = getattr(getattr(dataset, 'pipeline', None), 'transforms', [])
    lost: list[str] = []
    total = 0
    for sample in samples:
        size = sizes.get(sample.get('img_path', ''))
        boxes = [one['bbox'] for one in sample.get('instances') or [] if 'bbox' in one]
        total += len(boxes)
        if size is None or not boxes:
            continue
        for box in _lost(np.array(boxes, float), size, steps, dataset.test_mode):
            # In the XML the first pixel is 1.
            x1, y1, x2, y2 = box + hasattr(dataset, 'ann_subdir')
            lost.append(
                f'{_file(sample)} ({x1:g}, {y1:g}, {x2:g}, {y2:g} in {size[0]} x '
                f'{size[1]} pixels)'
            )
    if not lost:
        return []
    text = (
        f'{place}: of {len(lost)} of {total} boxes nothing, or no more than a pixel, '
        f'is inside their image: {"; ".join(lost[:NAMED])}'
        + (f' and {len(lost) - NAMED} more' if len(lost) > NAMED else '')
    )
    if dataset.test_mode:
        text += ': nothing can find them, and they count as missed'
    elif len(lost) == total:
        raise DataError(
            f'{text}: there is nothing to learn, were the images turned or scaled '
            'after they were annotated?'
        )
    elif not filtered:
        text += (
            ': their loss may be no number, put dict(type="FilterAnnotations", '
            'min_gt_bbox_wh=(1, 1), keep_empty=False) after Resize'
        )
    else:
        text += ': training leaves them out'
    return [f'{text} (an image that was turned or scaled after it was annotated?).']


def _file(sample: dict) -> str:
    """The file that says what a sample is."""
    return sample.get('xml_path') or sample.get('img_path') or 'a sample'


def _lost(
    boxes: np.ndarray, size: tuple[int, int], steps: Sequence[Any], test_mode: bool
) -> Iterator[np.ndarray]:
    """Boxes (N, 4) as x1, y1, x2, y2 of which too little is left."""
    inside = np.clip(boxes, 0, [*size, *size])
    sides = inside[:, 2:] - inside[:, :2]
    smallest = np.zeros(2)
    if not test_mode:
        sides *= _factors(size, steps)
        found = _filter(steps)
        smallest = np.array(found.min_gt_bbox_wh) if found else smallest
    yield from boxes[(sides <= smallest).any(1)]


def _filter(steps: Sequence[Any]) -> Any:
    named = [step for step in steps if type(step).__name__ == 'FilterAnnotations']
    return named[0] if named else None


def _factors(size: tuple[int, int], steps: Sequence[Any]) -> np.ndarray:
    """By what Resize, if it has one scale, multiplies width and height."""
    for step in steps:
        if type(step).__name__ == 'Resize' and getattr(step, 'scale', None):
            new = step.scale
            if step.keep_ratio:
                new = mmcv.image.rescale_size(size, step.scale)
            return np.divide(new, size)
    return np.ones(2)
