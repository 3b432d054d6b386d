"""Whole batches on a CPU and boxes that follow, against a copy and the image.

    python benchmarks/labels.py

Regions are drawn from the paper's distribution (r 0.03-0.7, ratios 1-3).
"""

import numpy as np
import torch
from common import compare, one_thread, publish

from loma_mm import BatchLocalMagnification
from loma_mm.checks import SHAPES
from loma_mm.experiments.tables import markdown_table
from loma_mm.functional import magnify_batch, magnify_boxes, magnify_image
from loma_mm.sampler import RegionSampler

BATCHES = (
    ((128, 3, 32, 32), torch.float32),
    ((128, 3, 32, 32), torch.uint8),
    ((64, 3, 224, 224), torch.float32),
    ((8, 3, 800, 1216), torch.float32),
)
PHOTO = (375, 500)
CASES = 20
CLONE, IMAGE = 'x.clone()', 'magnify_image, uint8, 3 channels'


def draw_regions(height: int, width: int, shape: str, count: int) -> list:
    random = np.random.RandomState(0).random_sample
    sampler = RegionSampler(shape, (0.03, 0.7), (1, 3))
    return [sampler.draw(random).at(height, width) for _ in range(count)]


def batches(threads: int) -> str:
    """In units of a clone of the batch."""
    torch.set_num_threads(threads)
    columns = {}
    for shape, dtype in BATCHES:
        x = torch.rand(shape).mul(255).to(dtype)
        calls = {CLONE: lambda i, x=x: x.clone()}
        for kind in SHAPES:
            regions = draw_regions(*shape[2:], kind, shape[0])
            calls[f'every image, {kind}'] = lambda i, x=x, regions=regions: (
                magnify_batch(x, regions)
            )
        half = [r if n % 2 else None for n, r in enumerate(regions)]
        calls['every second image'] = lambda i, x=x, half=half: magnify_batch(x, half)
        augment = BatchLocalMagnification(prob=0.5).train()
        calls['BatchLocalMagnification(prob=0.5)'] = lambda i, x=x, augment=augment: (
            augment(x)
        )
        name = f'{shape}, {str(dtype).removeprefix("torch.")}'
        columns[name] = compare(calls, CASES)
    lines = [
        ['x.clone(), ms', *(f'{t[CLONE] * 1e3:.2f}' for t in columns.values())],
        *(
            [name, *(f'{t[name] / t[CLONE]:.2f}' for t in columns.values())]
            for name in calls
            if name != CLONE
        ),
    ]
    return f'{threads} thread{"s"[: threads - 1]}:\n\n' + markdown_table(
        ['', *columns], lines
    )


def boxes() -> str:
    """In microseconds, beside the image that they are in."""
    rng = np.random.default_rng(0)
    height, width = PHOTO
    img = rng.integers(0, 256, (*PHOTO, 3), np.uint8)
    center, size = rng.uniform(0, 1, (100, 2)), rng.uniform(0.02, 0.3, (100, 2))
    corners = np.hstack([center - size / 2, center + size / 2]) * [
        width,
        height,
        width,
        height,
    ]
    columns = {}
    for shape in SHAPES:
        regions = draw_regions(*PHOTO, shape, CASES)
        calls = {IMAGE: lambda i, r=regions: magnify_image(img, r[i])}
        for count in (1, 20, 100):
            calls[f'magnify_boxes, {count}'] = lambda i, r=regions, n=count: (
                magnify_boxes(corners[:n], r[i], height, width)
            )
        columns[shape] = compare(calls, CASES)
    return markdown_table(
        ['', *columns],
        [[name, *(f'{t[name] * 1e6:.0f}' for t in columns.values())] for name in calls],
    )


def main() -> None:
    one_thread()
    parts = [
        '**Whole batches** on a CPU: the time of a clone, then multiples of it.',
        *(batches(threads) for threads in (1, 2)),
    ]
    one_thread()
    parts += [
        f'**Boxes** on an image of {PHOTO[0]}x{PHOTO[1]}, one thread, microseconds:',
        boxes(),
    ]
    publish('labels', '\n\n'.join(parts))


if __name__ == '__main__':
    main()
