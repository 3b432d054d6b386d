"""Samples with labels, and transforms whose draws are known."""

import numpy as np

from loma_mm import LocalMagnification
from loma_mm.functional import MagnificationRegion, magnify_boxes

SIZE = HEIGHT, WIDTH = 60, 80


def warp(**kwargs):
    return LocalMagnification(**{'prob': 1, 'labels': 'warp', **kwargs})


def drawn(seed, **kwargs):
    """A transform whose next region is known, and that region."""
    np.random.seed(seed)
    transform = warp(**kwargs)
    region = transform._random_region().at(*SIZE)
    np.random.seed(seed)
    return transform, region


def photo(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def some_boxes(count=6):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (count, 2, 2)) * [WIDTH, HEIGHT]
    return np.hstack([corners.min(1), corners.max(1) + 1]).astype(np.float32)


def painted(boxes):
    j, i = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack(
        [
            (np.floor(x1) <= i) & (i < x2) & (np.floor(y1) <= j) & (j < y2)
            for x1, y1, x2, y2 in boxes
        ]
    ).astype(np.uint8)


def vanishing(seed=0):
    """A region in which the second of three boxes vanishes, and the boxes."""
    region = MagnificationRegion((40, 30), 20.0, (2.0, 2.0), 'rectangle')
    boxes = np.array([[30, 20, 50, 40], [46, 29, 48, 31], [1, 1, 9, 9]], np.float32)
    _, kept = magnify_boxes(boxes, region, *SIZE)
    assert kept.tolist() == [True, False, True]
    return region, boxes


def fixed(monkeypatch, region):
    """A transform that draws this region, or None."""

    class Fixed:
        def at(self, height, width):
            return region

    transform = warp()
    monkeypatch.setattr(transform, '_draw', Fixed if region else lambda: None)
    return transform
