"""LOMA_F and FeatureMap Offset on a CPU, forward plus backward, against a
clone of the maps and against the plain way to write them.

    python benchmarks/feature.py

float32. Forward, then `.backward` into `x.grad`, which is fresh every time:
for a clone that costs two copies of the maps.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from common import compare, publish
from torch import Tensor

from loma_mm.experiments.tables import markdown_table
from loma_mm.functional import MagnificationRegion, magnify_feature, offset_feature
from loma_mm.sampler import RegionSampler

SHAPES = ((128, 32, 16, 16), (128, 320, 16, 16), (32, 512, 28, 28))
CASES = 20
CLONE, LOMA_F = 'x.clone()', 'LOMA_F'
FO, NEAREST = 'FO, bilinear', 'FO, nearest'
PLAIN = {
    LOMA_F: 'LOMA_F plainly: clone, then assign by index',
    FO: 'FO bilinear plainly: affine_grid, grid_sample',
    NEAREST: 'FO nearest plainly: affine_grid, grid_sample',
}


def plain_loma_f(x: Tensor, region: MagnificationRegion) -> Tensor:
    height, width = x.shape[-2:]
    j = torch.arange(height, dtype=torch.float64)[:, None]
    i = torch.arange(width, dtype=torch.float64)
    inside = region.contains(i, j)
    i_o, j_o = (source[inside].long() for source in region.source(i, j))
    out = x.clone()
    out[..., inside] = x[..., j_o, i_o]
    return out


def plain_offset(x: Tensor, tx: float, ty: float, mode: str) -> Tensor:
    height, width = x.shape[-2:]
    theta = torch.tensor(
        [[[1, 0, -2 * tx / width], [0, 1, -2 * ty / height]]], dtype=x.dtype
    )
    grid = F.affine_grid(theta.expand(len(x), 2, 3), x.shape, align_corners=False)
    return F.grid_sample(x, grid, mode=mode, align_corners=False)


def contestants(shape: tuple) -> dict[str, Callable]:
    random = np.random.RandomState(0)
    height, width = shape[-2:]
    regions = [
        RegionSampler(('rhombus', 'ellipse')[i % 2], (0.03, 0.7), (1, 3))
        .draw(random.random_sample)
        .at(height, width)
        for i in range(CASES)
    ]
    offsets = random.uniform(-0.25, 0.25, (CASES, 2)) * max(height, width)
    torch.manual_seed(0)
    x = torch.randn(shape, requires_grad=True)
    grad = torch.randn(shape)

    def both_ways(function: Callable) -> Callable:

        def run(i: int) -> None:
            x.grad = None
            function(i).backward(grad)

        return run

    calls = {
        CLONE: lambda i: x.clone(),
        LOMA_F: lambda i: magnify_feature(x, regions[i]),
        FO: lambda i: offset_feature(x, *offsets[i]),
        NEAREST: lambda i: offset_feature(x, *offsets[i], 'nearest'),
        PLAIN[LOMA_F]: lambda i: plain_loma_f(x, regions[i]),
        PLAIN[FO]: lambda i: plain_offset(x, *offsets[i], 'bilinear'),
        PLAIN[NEAREST]: lambda i: plain_offset(x, *offsets[i], 'nearest'),
    }
    for i in range(CASES):
        assert torch.equal(calls[LOMA_F](i), calls[PLAIN[LOMA_F]](i))
        torch.testing.assert_close(
            calls[FO](i), calls[PLAIN[FO]](i), rtol=1e-4, atol=1e-4
        )
    return {name: both_ways(call) for name, call in calls.items()}


def main() -> None:
    parts = [
        '**Feature space**, CPU, float32, forward plus backward. Above the '
        'line the time of a clone; below it multiples of that.'
    ]
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        columns = {str(shape): compare(contestants(shape), CASES) for shape in SHAPES}
        names = list(next(iter(columns.values())))
        rows = [
            [f'{CLONE}, ms']
            + [f'{times[CLONE] * 1e3:.2f}' for times in columns.values()]
        ]
        rows += [
            [name] + [f'{times[name] / times[CLONE]:.2f}' for times in columns.values()]
            for name in names[1:]
        ]
        parts.append(
            f'{threads} thread{"s" * (threads > 1)}:\n\n'
            + markdown_table(['', *columns], rows)
        )
    publish('feature', '\n\n'.join(parts))


if __name__ == '__main__':
    main()
