"""Regions of LOMA in plots."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from loma_mm.functional import MagnificationRegion

Style = dict[str, Any]

# Of the colour-blind-safe palette of Okabe and Ito.
PRESET: Style = dict(color='#56B4E9', linestyle='--')
ACTUAL: Style = dict(color='#E69F00', linestyle='-')
CENTER: Style = dict(
    marker='P', color='#E69F00', markeredgecolor='black', markersize=9, linestyle='none'
)

# Points along each axis at which a region is sampled to draw its outline.
RESOLUTION = 600


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
