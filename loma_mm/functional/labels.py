"""Boxes and points that follow the pixels of :func:`magnify_image`.

Dense labels (semantic maps, bitmap masks) need no function of their own:
magnify them as images, nearest, with the region of the image.
"""

from typing import Any

import numpy as np

from loma_mm.checks import SHAPES, check_array, check_side

from .image import _compiled, is_compiled, magnify_image
from .region import MagnificationRegion, check_region

# A painting of an image's size has one bit for each box. Larger paintings
# than this are made with fewer bits, in several passes.
MAX_PAINTING_BYTES = 1 << 26


def magnify_boxes(
    boxes: np.ndarray, region: MagnificationRegion, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move boxes with the pixels of an image: exact, not by their corners.

    A box is the set of pixels ``floor(x1) <= i < ceil(x2)``, ``floor(y1) <=
    j < ceil(y2)`` of the image. It is painted, the painting is magnified as
    :func:`magnify_image` does it (nearest), and the new box is tight around
    what is painted: from the first pixel to the last one + 1. A side that
    lands on its own old pixel keeps its fraction.

    Args:
        boxes (np.ndarray): Boxes of shape (N, 4), ``x1, y1, x2, y2`` in
            pixels, real numbers; N may be 0. It is never written to. What
            lies beyond the image is not painted, hence cut off. A box
            without pixels is not kept: an empty one, an inverted one, one
            with NaN, one outside the image.
        region (MagnificationRegion): The region by which the image was
            magnified.
        height (int): H of the image, in pixels.
        width (int): W of the image, in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: The new boxes of shape (N, 4), zeros
        where one is not kept, in the dtype of ``boxes`` (float64 for
        integers); and bool of shape (N, ), whether something of the box is
        left.

    Raises:
        TypeError: If ``boxes`` is not an array of real numbers, or ``region``
            not a region.
        ValueError: If ``boxes`` has another shape than (N, 4), or ``height``
            or ``width`` is not a whole number of 0 to 2^31 - 1.

    Example:
        >>> region = MagnificationRegion((50, 50), radius=40)
        >>> boxes = np.array([[55, 45, 60, 55.5], [0, 0, 9.5, 9.5]])
        >>> magnify_boxes(boxes, region, height=100, width=100)
        (array([[62. , 39. , 70. , 64. ],
               [ 0. ,  0. ,  9.5,  9.5]]), array([ True,  True]))
    """
    boxes = _check_coordinates('boxes', boxes, 4)
    check_region(region)
    height, width = check_side('height', height), check_side('width', width)
    size = np.array([width, height])
    # NaN is no pixel: neither a first one nor an end.
    first = np.floor(np.where(np.isnan(boxes[:, :2]), np.inf, boxes[:, :2]))
    end = np.ceil(np.where(np.isnan(boxes[:, 2:]), -np.inf, boxes[:, 2:]))
    old = np.hstack([first, end])
    first = np.clip(first, 0, size).astype(np.intp)
    end = np.clip(end, first, size).astype(np.intp)

    new = _repaint_all(first, end, region, height, width)
    kept = new[:, 2] > 0
    return np.where((new == old) & kept[:, None], boxes, new).astype(boxes.dtype), kept


def magnify_points(
    points: np.ndarray, region: MagnificationRegion, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move points with the pixels of an image: the inverse of Eq 3.

    A point outside S stays and is visible. One inside S goes to
    ``region.target``, and is visible if that lies in S and in the image,
    ``0 <= x < W`` and ``0 <= y < H``; else nothing shows it any more.
    Where S holds fewer than two pixels of the image, which then does not
    change, all points stay.

    Args:
        points (np.ndarray): Points of shape (N, 2), ``x, y`` in pixels, real
            numbers; N may be 0. It is never written to.
        region (MagnificationRegion): The region by which the image was
            magnified.
        height (int): H of the image, in pixels.
        width (int): W of the image, in pixels.

    Returns:
        tuple[np.ndarray, np.ndarray]: The new points of shape (N, 2), in the
        dtype of ``points`` (float64 for integers), those that are not
        visible where ``region.target`` says; and bool of shape (N, ),
        whether a point is visible, which one with NaN is not.

    Raises:
        TypeError: If ``points`` is not an array of real numbers, or ``region``
            not a region.
        ValueError: If ``points`` has another shape than (N, 2), or ``height``
            or ``width`` is not a whole number of 0 to 2^31 - 1.
    """
    points = _check_coordinates('points', points, 2)
    check_region(region)
    height, width = check_side('height', height), check_side('width', width)
    visible = ~np.isnan(points).any(1)
    with np.errstate(over='ignore', invalid='ignore'):
        inside = region.contains(*points.T.astype(np.float64))
    new = points.copy()
    if inside.any() and _has_two_pixels(region, height, width):
        # Where a huge radius sends points, squares and small floats overflow.
        with np.errstate(over='ignore'):
            x, y = region.target(*points[inside].T.astype(np.float64))
            shown = region.contains(x, y)
            new[inside] = np.column_stack([x, y])
        shown &= (x >= 0) & (x < width) & (y >= 0) & (y < height)
        visible[inside] = shown
    return new, visible


def _check_coordinates(name: str, value: Any, columns: int) -> np.ndarray:
    """``value`` as floats of shape (N, columns), or raise an error."""
    check_array(value, name, 'uif', 'real numbers')
    # Of a matrix a product is another one.
    value = np.asarray(value)
    if value.ndim != 2 or value.shape[1] != columns:
        raise ValueError(f'{name} must have shape (N, {columns}), got {value.shape}.')
    return value if value.dtype.kind == 'f' else value.astype(np.float64)


def _repaint_all(
    first: np.ndarray,
    end: np.ndarray,
    region: MagnificationRegion,
    height: int,
    width: int,
) -> np.ndarray:
    """:func:`_repaint` for any number of boxes."""
    if is_compiled() and height and width:
        pixels = np.ascontiguousarray(np.hstack([first, end]), np.int64)
        moved = np.empty_like(pixels)
        _compiled.magnify_boxes(
            pixels,
            moved,
            *region.center,
            region.radius,
            *region.ratios,
            SHAPES.index(region.shape),
            height,
            width,
        )
        return moved
    word = _word(len(first), height, width)
    step = word.itemsize * 8
    new = np.zeros((len(first), 4))
    for i in range(0, len(first), step):
        new[i : i + step] = _repaint(
            first[i : i + step], end[i : i + step], region, height, width, word
        )
    return new


def _word(count: int, height: int, width: int) -> np.dtype:
    """The type of a painting's pixels: a bit for each box, if there is room."""
    words = [np.dtype(f'u{size}') for size in (1, 2, 4, 8)]
    fitting = [
        word for word in words if word.itemsize * height * width <= MAX_PAINTING_BYTES
    ] or words[:1]
    return next((w for w in fitting if w.itemsize * 8 >= count), fitting[-1])


def _repaint(
    first: np.ndarray,
    end: np.ndarray,
    region: MagnificationRegion,
    height: int,
    width: int,
    word: np.dtype,
) -> np.ndarray:
    """The box around what is left of each box, zeros where nothing is.

    Args:
        first, end (np.ndarray): Pixels ``x, y`` of shape (N, 2), inside the
            image, the end exclusive; N bits fit into ``word``.
    """
    bits = word.type(1) << np.arange(len(first), dtype=word)

    def paint(axis: int, size: int) -> np.ndarray:
        # A box's bit changes at its first pixel and at its end.
        changes = np.zeros(size + 1, word)
        np.bitwise_xor.at(changes, first[:, axis], bits)
        np.bitwise_xor.at(changes, end[:, axis], bits)
        return np.bitwise_xor.accumulate(changes)[:size]

    columns, rows = paint(0, width), paint(1, height)
    painting = magnify_image(rows[:, None] & columns, region)

    # Outside S's bounds nothing moves: what is seen there is known.
    x_min, y_min, x_max, y_max = region.bounds(width, height)
    moved = painting[y_min:y_max, x_min:x_max]
    new = np.zeros((len(first), 4))
    for axis, (low, high, own, other, other_low, other_high) in enumerate(
        (
            (x_min, x_max, columns, rows, y_min, y_max),
            (y_min, y_max, rows, columns, x_min, x_max),
        )
    ):
        beside = np.bitwise_or.reduce(other[:other_low])
        beside |= np.bitwise_or.reduce(other[other_high:])
        seen = own & np.bitwise_or.reduce(other)
        seen[low:high] &= beside
        seen[low:high] |= np.bitwise_or.reduce(moved, axis=axis)
        hits = (seen & bits[:, None]) != 0
        if not hits.size:
            # An image without pixels shows no box.
            return np.zeros((len(first), 4))
        new[:, axis] = hits.argmax(1)
        new[:, axis + 2] = len(seen) - hits[:, ::-1].argmax(1)
        new[~hits.any(1)] = 0
    return new


def _has_two_pixels(region: MagnificationRegion, height: int, width: int) -> bool:
    """Whether S holds at least two pixels of the image."""
    # S is convex and symmetric in each axis: it holds the pixel nearest to
    # its centre if it holds any, and a neighbour of it if it holds two.
    x = min(max(round(region.center[0]), 0), width - 1)
    y = min(max(round(region.center[1]), 0), height - 1)
    return bool(region.contains(x, y)) and any(
        0 <= i < width and 0 <= j < height and region.contains(i, j)
        for i, j in ((x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1))
    )
