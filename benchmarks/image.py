"""The image transform against plain NumPy, OpenCV and its peers; its growth
with the size of the image, its memory, and the import of the package.

    python benchmarks/image.py

One thread. Functions are compared to functions, transforms to transforms, each
measured in turn with ours in the same rounds. Regions are drawn from the
paper's distribution with prob = 1: r 0.03-0.7, ratios 1-3.
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
from common import OUT, compare, one_thread, publish
from matplotlib.figure import Figure
from mmdet.datasets.transforms import RandomFlip, Resize
from mmpretrain.datasets.transforms import RandomErasing
from torchvision.transforms import v2

from loma_mm import LocalMagnification
from loma_mm.checks import SHAPES
from loma_mm.experiments.tables import markdown_table
from loma_mm.functional import MagnificationRegion, magnify_image
from loma_mm.sampler import RegionSampler
from loma_mm.visualization import STYLE, save_figure

SIZES = ((32, 32), (64, 64), (224, 224), (375, 500), (600, 1000))
CASES = 100
OURS = {shape: f'magnify_image, {shape}' for shape in SHAPES}
TRANSFORM = 'LocalMagnification(prob=1)'
PLAIN, FIXED, COPY = 'plain NumPy', 'cv2.remap, fixed-point map', 'ndarray.copy'


def draw_regions(height: int, width: int, shape: str) -> list[MagnificationRegion]:
    random = np.random.RandomState(0).random_sample
    sampler = RegionSampler(shape, (0.03, 0.7), (1, 3))
    return [sampler.draw(random).at(height, width) for _ in range(CASES)]


def plain(img: np.ndarray, region: MagnificationRegion) -> np.ndarray:
    """Algorithm 1 the obvious way: maps of the whole frame."""
    height, width = img.shape[:2]
    (x_c, y_c), (a_x, a_y), r = region.center, region.ratios, region.radius
    y, x = np.mgrid[:height, :width]
    dx, dy = x - x_c, y - y_c
    d = np.sqrt(dx**2 + dy**2)
    if region.shape == 'rhombus':
        inside = a_x * np.abs(dx) + a_y * np.abs(dy) < r
    elif region.shape == 'ellipse':
        inside = a_x * dx**2 + a_y * dy**2 < r**2
    else:
        inside = np.maximum(a_x * np.abs(dx), a_y * np.abs(dy)) < r
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


def functions(img: np.ndarray) -> dict[str, Callable]:
    """An array in, a new array out."""
    height, width = img.shape[:2]
    calls, drawn = {}, {}
    for shape, name in OURS.items():
        drawn[shape] = regions = draw_regions(height, width, shape)
        calls[name] = lambda i, regions=regions: magnify_image(img, regions[i])
        for region in regions:
            same = magnify_image(img, region) == plain(img, region)
            assert same.mean() >= 0.9999, region
    # OpenCV's time does not depend on what is in the map; of its two kinds the
    # fixed-point one is the faster.
    maps = remap_maps(drawn['rhombus'][0], height, width)
    fixed = cv2.convertMaps(*maps, cv2.CV_16SC2, nninterpolation=True)
    return {
        **calls,
        FIXED: lambda i: cv2.remap(img, *fixed, cv2.INTER_NEAREST),
        PLAIN: lambda i: plain(img, drawn['rhombus'][i]),
        COPY: lambda i: img.copy(),
    }


def transforms(img: np.ndarray) -> dict[str, Callable]:
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
    ours = LocalMagnification(prob=1)
    calls = {
        TRANSFORM: lambda i: ours(dict(img=img)),
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
    """Functions in units of cv2.remap, transforms in units of ours."""
    parts, columns = [], {}
    for kind, unit, meaning in (
        (functions, FIXED, 'below 1: faster than it'),
        (transforms, TRANSFORM, 'above 1: ours is faster'),
    ):
        columns = {}
        for height, width in SIZES:
            img = np.random.RandomState(0).randint(0, 256, (height, width, 3))
            times = compare(kind(img.astype(np.uint8)), CASES)
            for name in times:
                if 'batch of 64' in name:
                    times[name] /= 64
            columns[f'{height}x{width}'] = times
        names = list(max(columns.values(), key=len))
        taken = [
            [name]
            + [f'{t[name] * 1e6:.1f}' if name in t else '' for t in columns.values()]
            for name in names
        ]
        ratios = [
            [name]
            + [
                f'{t[name] / t[unit]:.2f}' if name in t else ''
                for t in columns.values()
            ]
            for name in names
        ]
        parts += [
            f'**{kind.__name__.capitalize()}**, uint8, 3 channels, one thread, '
            'microseconds an image:',
            markdown_table(['', *columns], taken),
            f'The same in units of {unit} ({meaning}):',
            markdown_table(['', *columns], ratios),
        ]
    publish('image', '\n\n'.join(parts))
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
            color=['C1' if name == TRANSFORM else 'C0' for name in times],
        )
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
        taken = {OURS['rhombus']: [], COPY: []}
        for shape in shapes:
            img = np.zeros(shape, np.uint8)
            calls = functions(img)
            times = compare({name: calls[name] for name in taken}, CASES)
            for name in taken:
                taken[name].append(times[name] * 1e6)
        return taken

    by_area = measure([(side, side, 3) for side in sides])
    by_channel = measure([(224, 224, c) for c in channels])
    areas = [side**2 for side in sides]
    slope = np.polyfit(np.log(areas[2:]), np.log(by_area[OURS['rhombus']][2:]), 1)[0]
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
            markdown_table(
                ['side, pixels', *map(str, sides)],
                [
                    [name] + [f'{t:.1f}' for t in times]
                    for name, times in by_area.items()
                ],
            ),
            markdown_table(
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
        regions = draw_regions(height, width, 'rhombus')
        region = max(regions, key=lambda region: region.radius)
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
        + markdown_table(['', 'nearest', 'bilinear'], rows),
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
