"""Local magnification of an image: Algorithm 1 without its random draws."""

import numpy as np

from loma_mm.checks import (
    INTERPOLATIONS,
    SHAPES,
    check_image,
    check_interpolation,
)

from .region import MagnificationRegion, check_region

try:
    from . import _compiled  # type: ignore[attr-defined]
except ImportError:
    # Installed where there was no compiler: the same in NumPy, slower.
    _compiled = None


def is_compiled() -> bool:
    """Whether the compiled loops of this package are installed."""
    return _compiled is not None


def magnify_image(
    img: np.ndarray, region: MagnificationRegion, interpolation: str = 'nearest'
) -> np.ndarray:
    """Magnify one region of an image (Eqs 1-3, lines 15-19 of Algorithm 1).

    A pixel ``p`` of S takes the value at ``region.source(p)``; pixels
    outside S keep their value. A source outside the image is clamped to its
    border. Where S holds fewer than two pixels of the image, a plain copy is
    returned.

    Args:
        img (np.ndarray): Image of shape (H, W) or (H, W, C), of any boolean,
            integer or real floating dtype and any memory layout, without a
            mask. It is never written to.
        region (MagnificationRegion): Centre and radius in pixels, ``x`` to
            the right, ``y`` down, the first pixel at (0, 0).
        interpolation (str): 'nearest' takes the floor of the source
            coordinate, as the authors' code does; 'bilinear' mixes the four
            neighbours in float64 and rounds for integer images; one of
            weight 0 does not count, be it infinite.
            Defaults to 'nearest'.

    Returns:
        np.ndarray: A new image of the same shape and dtype.

    Raises:
        TypeError: If ``img`` is not an array of real numbers, or ``region``
            not a region.
        ValueError: If ``img`` has not 2 or 3 dimensions, or the
            interpolation is unknown.
    """
    check_interpolation(interpolation)
    check_image(img)
    # Of a matrix an index gives another one.
    img = np.asarray(img)
    check_region(region)
    if is_compiled():
        if img.ndim == 3 and img.strides[2] != img.itemsize:
            img = np.ascontiguousarray(img)
        out = np.empty(img.shape, img.dtype)
        if _compiled.magnify(
            img,
            out,
            *region.center,
            region.radius,
            *region.ratios,
            SHAPES.index(region.shape),
            INTERPOLATIONS.index(interpolation),
        ):
            return out
    return _magnify(img, region, interpolation)


def _magnify(
    img: np.ndarray, region: MagnificationRegion, interpolation: str
) -> np.ndarray:
    """:func:`magnify_image` in NumPy, over S's bounding box."""
    height, width = img.shape[:2]
    out = img.copy()
    x_min, y_min, x_max, y_max = region.bounds(width, height)
    y, x = np.ogrid[y_min:y_max, x_min:x_max]
    with np.errstate(over='ignore'):
        inside = region.contains(x, y)
    if np.count_nonzero(inside) < 2:
        return out
    x_o, y_o = (source[inside] for source in region.source(x, y))
    np.clip(x_o, 0, width - 1, out=x_o)
    np.clip(y_o, 0, height - 1, out=y_o)
    if interpolation == 'nearest':
        # The coordinates are not negative: truncation is the floor.
        values = img[y_o.astype(np.intp), x_o.astype(np.intp)]
    else:
        values = _bilinear(img, x_o, y_o)
    out[y_min:y_max, x_min:x_max][inside] = values
    return out


def _bilinear(img: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Values of ``img`` at N real points inside it, shape (N,) or (N, C)."""
    x_0, y_0 = x.astype(np.intp), y.astype(np.intp)
    x_1 = np.minimum(x_0 + 1, img.shape[1] - 1)
    y_1 = np.minimum(y_0 + 1, img.shape[0] - 1)
    channels = (1,) * (img.ndim - 2)
    w_x = (x - x_0).reshape(-1, *channels)
    w_y = (y - y_0).reshape(-1, *channels)
    corners = img[y_0, x_0], img[y_0, x_1], img[y_1, x_0], img[y_1, x_1]
    top_left, top_right, bottom_left, bottom_right = corners
    values = _mix(
        _mix(top_left, top_right, w_x), _mix(bottom_left, bottom_right, w_x), w_y
    )
    if img.dtype.kind == 'f':
        return values.astype(img.dtype)
    # A mean lies between its parts; in float64, integers of 64 bits may not.
    low, high = np.minimum.reduce(corners), np.maximum.reduce(corners)
    np.rint(values, out=values)
    within = (low < values) & (values < high)
    return np.where(
        within,
        np.where(within, values, 0).astype(img.dtype),
        np.where(values <= low, low, high),
    )


def _mix(a: np.ndarray, b: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The mean of a and b, where b has that weight; none at 0."""
    with np.errstate(invalid='ignore'):
        return np.where(weight > 0, (1 - weight) * a + weight * b, a)
