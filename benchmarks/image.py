"""The image transform against plain NumPy, OpenCV and its peers; its growth
with the size of the image, its memory, and the import of the package.

    python benchmarks/image.py

One thread. Every yardstick is measured in turn with ours in the same rounds.
Regions are drawn from the paper's distribution with prob = 1: r 0.03-0.7,
ratios 1-3, half of them rhombi, half ellipses.
"""

import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable

import albumentations
import cv2
import kornia.augmentation
import matplotlib
import numpy as np
import torch
from common import OUT, compare, one_thread, publish, table
from matplotlib.figure import Figure
from mmdet.datasets.transforms import RandomFlip, Resize
from mmpretrain.datasets.transforms import RandomErasing
from torchvision.transforms import v2

from loma_mm import LocalMagnification
from loma_mm.functional import MagnificationRegion, magnify_image
from loma_mm.sampler import RegionSampler
from loma_mm.visualization import STYLE, save_figure

SIZES = ((32, 32), (64, 64), (224, 224), (375, 500), (600, 1000))
CASES = 100
OURS, PLAIN = 'magnify_image', 'plain NumPy'
REMAP, FIXED = 'cv2.remap, float32 map', 'cv2.remap, fixed-point map'
COPY, TRANSFORM = 'ndarray.copy', 'LocalMagnification(prob=1)'


def draw_regions(height: int, width: int) -> list[MagnificationRegion]:
    random = np.random.RandomState(0).random_sample
    return [
        RegionSampler(('rhombus', 'ellipse')[i % 2], (0.03, 0.7), (1, 3))
        .draw(random)
        .at(height, width)
        for i in range(CASES)
    ]


def plain(img: np.ndarray, region: MagnificationRegion) -> np.ndarray:
    """Algorithm 1 the obvious way: maps of the whole frame."""
    height, width = img.shape[:2]
    (x_c, y_c), (a_x, a_y), r = region.center, region.ratios, region.radius
    y, x = np.mgrid[:height, :width]
    dx, dy = x - x_c, y - y_c
    d = np.sqrt(dx**2 + dy**2)
    if region.shape == 'rhombus':
        inside = a_x * np.abs(dx) + a_y * np.abs(dy) < r
    else:
        inside = a_x * dx**2 + a_y * dy**2 < r**2
    x_o = np.where(inside, np.floor(d / r * dx + x_c), x).astype(int)
    y_o = np.where(inside, np.floor(d / r * dy + y_c), y).astype(int)
    return img[y_o.clip(0, height - 1), x_o.clip(0, width - 1)]


def remap_maps(region: MagnificationRegion, height: int, width: int) -> tuple:
    y, x = np.mgrid[:height, :width]
    inside = region.contains(x, y)
    return tuple(
        np.where(inside, np.floor(source), own).astype(np.float32)
        for source, own in zip(region.source(x, y), (x, y))
    )


def yardsticks(img: np.ndarray, regions: list[MagnificationRegion]) -> dict:
    height, width = img.shape[:2]
    # OpenCV's time does not depend on what is in the map.
    maps = remap_maps(regions[0], height, width)
    fixed = cv2.convertMaps(*maps, cv2.CV_16SC2, nninterpolation=True)
    transform = LocalMagnification(prob=1)
    return {
        OURS: lambda i: magnify_image(img, regions[i]),
        TRANSFORM: lambda i: transform(dict(img=img)),
        PLAIN: lambda i: plain(img, regions[i]),
        REMAP: lambda i: cv2.remap(img, *maps, cv2.INTER_NEAREST),
        FIXED: lambda i: cv2.remap(img, *fixed, cv2.INTER_NEAREST),
        COPY: lambda i: img.copy(),
    }


def peers(img: np.ndarray) -> dict[str, Callable]:
    """Each as its own users call it: arrays, or tensors where it wants them."""
    height, width = img.shape[:2]
    tensor = torch.from_numpy(img).permute(2, 0, 1).contiguous()
    batch = tensor[None].float() / 255
    elastic, erasing = v2.ElasticTransform(), v2.RandomErasing(p=1)
    optical = albumentations.OpticalDistortion(p=1)
    grid = albumentations.GridDistortion(p=1)
    span = torch.tensor([-0.3, 0.3])
    fisheye = kornia.augmentation.RandomFisheye(
        span, span, torch.tensor([0.9, 1.0]), p=1.0
    )
    mm_erasing = RandomErasing(erase_prob=1.0)
    flip = RandomFlip(prob=1.0)
    resize = Resize(scale=(width * 5 // 4, height * 5 // 4))
    calls = {
        'torchvision v2 ElasticTransform': lambda i: elastic(tensor),
        'albumentations OpticalDistortion': lambda i: optical(image=img),
        'albumentations GridDistortion': lambda i: grid(image=img),
        'kornia RandomFisheye': lambda i: fisheye(batch),
        'torchvision v2 RandomErasing': lambda i: erasing(tensor),
        'mmpretrain RandomErasing': lambda i: mm_erasing(dict(img=img.copy())),
        'mmdet RandomFlip': lambda i: flip(dict(img=img)),
        'mmdet Resize, 1.25 times': lambda i: resize(dict(img=img)),
    }
    if height * width <= 64 * 64 * 16:
        many = batch.expand(64, -1, -1, -1).contiguous()
        calls['kornia RandomFisheye, one of a batch of 64'] = lambda i: fisheye(many)
    return calls


def speed() -> None:
    columns = {}
    for height, width in SIZES:
        img = (
            np.random.RandomState(0)
            .randint(0, 256, (height, width, 3))
            .astype(np.uint8)
        )
        regions = draw_regions(height, width)
        for region in regions:
            same = magnify_image(img, region) == plain(img, region)
            assert same.mean() >= 0.9999, region
        times = compare({**yardsticks(img, regions), **peers(img)}, CASES)
        for name in times:
            if 'batch of 64' in name:
                times[name] /= 64
        columns[f'{height}x{width}'] = times
    names = list(max(columns.values(), key=len))
    ours = {size: times[OURS] for size, times in columns.items()}

    def rows(show: Callable[[str, str], str]) -> list:
        return [
            [name]
            + [show(size, name) if name in columns[size] else '' for size in columns]
            for name in names
        ]

    text = '\n\n'.join(
        (
            '**Time of one image**, uint8, 3 channels, one thread, microseconds:',
            table(
                ['', *columns],
                rows(lambda size, name: f'{columns[size][name] * 1e6:.1f}'),
            ),
            '**The same, in units of `magnify_image`** (above 1: ours is faster):',
            table(
                ['', *columns],
                rows(lambda size, name: f'{columns[size][name] / ours[size]:.2f}'),
            ),
        )
    )
    publish('image', text)
    draw_speed(columns, names)


def draw_speed(columns: dict[str, dict[str, float]], names: list[str]) -> None:
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(9, 5.5), layout='constrained')
        axes = figure.subplots()
        size = '224x224'
        times = {
            name: columns[size][name] * 1e6
            for name in sorted(columns[size], key=columns[size].get, reverse=True)
        }
        bars = axes.barh(
            list(times),
            list(times.values()),
            color=['C1' if name in (OURS, TRANSFORM) else 'C0'
                   for name in times])  # yapf: disable
        axes.bar_label(bars, fmt='%.0f', padding=3)
        axes.set_xscale('log')
        # room for the last label
        axes.set_xlim(right=3 * max(times.values()))
        axes.set_xlabel(f'microseconds an image of {size}, one thread (logarithmic)')
        axes.set_title('Time of one image, LOMA and its peers')
        save_figure(figure, str(OUT / 'image.png'))


def growth() -> None:
    """Time against area and against channels; the slope of log on log."""
    sides = [32, 64, 128, 256, 512, 1024, 2048]
    channels = [1, 2, 3, 4, 8, 16, 32, 64]

    def measure(shapes: list) -> dict[str, list[float]]:
        taken = {OURS: [], COPY: []}
        for shape in shapes:
            img = np.zeros(shape, np.uint8)
            calls = yardsticks(img, draw_regions(*shape[:2]))
            times = compare({name: calls[name] for name in taken}, CASES)
            for name in taken:
                taken[name].append(times[name] * 1e6)
        return taken

    by_area = measure([(side, side, 3) for side in sides])
    by_channel = measure([(224, 224, c) for c in channels])
    areas = [side**2 for side in sides]
    slope = np.polyfit(np.log(areas[2:]), np.log(by_area[OURS][2:]), 1)[0]
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(9, 4), layout='constrained')
        left, right = figure.subplots(1, 2)
        for axes, x, taken, label in (
            (left, areas, by_area, 'area (pixels), 3 channels'),
            (right, channels, by_channel, 'channels of uint8, 224x224'),
        ):
            for name, times in taken.items():
                axes.loglog(x, times, 'o-', label=name)
            axes.set_xlabel(label)
            axes.set_ylabel('microseconds, one thread')
            axes.grid(alpha=0.3)
            axes.legend()
        left.set_title(f'Time grows as area to the power {slope:.2f}')
        right.set_title('Time against channels')
        save_figure(figure, str(OUT / 'growth.png'))
    text = '\n\n'.join(
        (
            '**Growth**: time is proportional to the area to the power '
            f'{slope:.2f} (from 128x128 up).',
            table(
                ['side, pixels', *map(str, sides)],
                [
                    [name] + [f'{t:.1f}' for t in times]
                    for name, times in by_area.items()
                ],
            ),
            table(
                ['channels, 224x224', *map(str, channels)],
                [
                    [name] + [f'{t:.1f}' for t in times]
                    for name, times in by_channel.items()
                ],
            ),
        )
    )
    publish('growth', text)


def memory() -> None:
    """NumPy reports its allocations to tracemalloc; the compiled loop makes
    none but some KiB on the stack."""
    rows = []
    for height, width in SIZES:
        img = np.zeros((height, width, 3), np.uint8)
        region = max(draw_regions(height, width), key=lambda region: region.radius)
        row = [f'{height}x{width}']
        for interpolation in ('nearest', 'bilinear'):
            tracemalloc.start()
            out = magnify_image(img, region, interpolation)
            peak = tracemalloc.get_traced_memory()[1] - out.nbytes
            tracemalloc.stop()
            row.append(f'{peak / img.nbytes:.2f}')
        rows.append(row)
    publish(
        'memory',
        '**Memory**: peak of one call beside its output, in units '
        'of the image (largest region of a hundred):\n\n'
        + table(['', 'nearest', 'bilinear'], rows),
    )


def importing() -> None:
    code = (
        'import time; a = time.perf_counter(); import mmcv, mmengine; '
        'b = time.perf_counter(); import loma_mm; '
        'c = time.perf_counter(); print(b - a, c - b)'
    )
    taken = [
        list(map(float, subprocess.check_output(
            [sys.executable, '-c', code], text=True).split()))
        for _ in range(7)
    ]  # yapf: disable
    before, ours = map(statistics.median, zip(*taken))
    publish(
        'import',
        f'**Import**: `import mmcv, mmengine` takes {before:.2f} s, '
        f'`import loma_mm` after it {ours:.2f} s more.',
    )


def main() -> None:
    one_thread()
    start = time.time()
    importing()
    speed()
    growth()
    memory()
    print(f'{OUT}: tables and plots, in {time.time() - start:.0f} s.')


if __name__ == '__main__':
    main()
