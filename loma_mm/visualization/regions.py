"""Regions of LOMA on command lines and in plots."""

import argparse
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from loma_mm.datasets import LocalMagnification
from loma_mm.functional import MagnificationRegion
from loma_mm.sampler import RelativeRegion

# Of the colour-blind-safe palette of Okabe and Ito.
PRESET = dict(color='#56B4E9', linestyle='--')
ACTUAL = dict(color='#E69F00', linestyle='-')
CENTER = dict(
    marker='P', color='#E69F00', markeredgecolor='black', markersize=9, linestyle='none'
)

# Points along each axis at which a region is sampled to draw its outline.
RESOLUTION = 600


def add_region_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--center``, ``--radius``, ``--ratios`` and ``--seed``."""
    parser.add_argument(
        '--center',
        type=float,
        nargs=2,
        metavar=('X', 'Y'),
        help='magnification centre, fractions of width and height (default: 0.53 0.48)',
    )
    parser.add_argument(
        '--radius', type=float, help='r, a fraction of the longer side (default: 0.31)'
    )
    parser.add_argument(
        '--ratios',
        type=float,
        nargs=2,
        metavar=('A_X', 'A_Y'),
        help='compression ratios a_x and a_y (default: 1 1.6)',
    )
    parser.add_argument(
        '--seed',
        type=int,
        help='draw whatever of these is not given, as LOMA does with its '
        'defaults (the ranges of the paper for CIFAR)',
    )


def choose_region(args: argparse.Namespace) -> RelativeRegion:
    """The region that :func:`add_region_arguments`'s flags ask for.

    Draws, if any, come from NumPy's global generator, which the caller seeds
    with ``args.seed``.

    Raises:
        ValueError: If a flag is outside its range.
    """
    region = RelativeRegion((0.53, 0.48), 0.31, (1.0, 1.6), 'rhombus')
    if args.seed is not None:
        region = LocalMagnification().sampler.draw(np.random.random)
    given = {
        name: getattr(args, name)
        for name in ('center', 'radius', 'ratios')
        if getattr(args, name) is not None
    }
    region = region._replace(**given)
    region.at(1, 1)
    return region


def outline(axes: Axes, region: MagnificationRegion, height: int, width: int) -> None:
    """Draw a region on an image or map that ``axes.imshow`` shows.

    Args:
        axes (Axes): Where the first pixel's centre is (0, 0).
        region (MagnificationRegion): Dashed its preset shape (both ratios
            1), solid the actual shape S (Fig 3 of the paper), and a cross at
            its centre.
        height (int): Of the image, in pixels; nothing is drawn beyond it.
        width (int): Likewise.
    """
    x = np.linspace(-0.5, width - 0.5, RESOLUTION)
    y = np.linspace(-0.5, height - 0.5, RESOLUTION)
    preset = replace(region, ratios=(1.0, 1.0))
    for one, style in ((preset, PRESET), (region, ACTUAL)):
        inside = one.contains(x, y[:, None])
        # A region that covers the image, or misses it, has no outline there.
        if 0 < inside.sum() < inside.size:
            axes.contour(
                x,
                y,
                inside,
                [0.5],
                colors=style['color'],
                linestyles=style['linestyle'],
            )
    mark_center(axes, region)


def mark_center(axes: Axes, region: MagnificationRegion) -> None:
    """Draw the cross at the centre of a region."""
    axes.plot(*region.center, **CENTER)


def outline_legend() -> list[Line2D]:
    """Handles of a legend for :func:`outline`."""
    return [
        Line2D([], [], label=r'centre $(x_c, y_c)$', **CENTER),
        Line2D([], [], label=r'preset shape, $a_x = a_y = 1$', **PRESET),
        Line2D([], [], label='actual shape, the region S', **ACTUAL),
    ]
