"""The checks of arguments: each once, with one wording."""

import math
import operator
from contextlib import suppress
from typing import Any

import numpy as np

from loma_mm.names import shown

SHAPES = ('rhombus', 'ellipse', 'rectangle')
INTERPOLATIONS = ('nearest', 'bilinear')

# Pixels from the origin at which float64 still tells neighbours apart.
FARTHEST_CENTER = 1e15

# Rows or columns of an image; as many as the compiled loops can count.
MOST_LINES = 2**31 - 1


def check_choice(name: str, value: Any, choices: tuple) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    # An array or a list is compared to no word.
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f'{name} must be one of {choices}, got {shown(value)}.')


def check_shape(shape: str) -> None:
    """Raise a ValueError unless ``shape`` is one of :data:`SHAPES`."""
    check_choice('shape', shape, SHAPES)


def check_interpolation(interpolation: str) -> None:
    """Raise a ValueError unless it is one of :data:`INTERPOLATIONS`."""
    check_choice('interpolation', interpolation, INTERPOLATIONS)


def _number(value: Any) -> float:
    """``value`` as a float; NaN, which lies in no range, if it is no number."""
    if isinstance(value, (str, bytes, np.complexfloating)) or getattr(
        value, 'shape', None
    ):
        return math.nan
    if getattr(value, 'requires_grad', False):
        # torch warns where the float of such a tensor is taken.
        value = value.detach()
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        # What Python, NumPy and torch raise, and integers beyond float64.
        return math.nan


def _pair(value: Any) -> tuple[float, float]:
    """``value`` as two floats, NaN both if it is not two numbers in order."""
    unordered = (str, bytes, dict, set, frozenset)
    if isinstance(value, unordered) or not hasattr(value, '__len__'):
        return math.nan, math.nan
    try:
        first, second = value
    except (TypeError, ValueError):
        return math.nan, math.nan
    return _number(first), _number(second)


def check_range(name: str, value: Any) -> tuple[float, float]:
    """Return ``value`` as floats ``(min, max)``, 0 < min <= max, or raise."""
    low, high = _pair(value)
    if not 0 < low <= high < math.inf:
        raise ValueError(
            f'{name} must be two finite numbers (min, max) with 0 < min <= max, '
            f'got {shown(value)}.'
        )
    return low, high


def check_side(name: str, value: Any) -> int:
    """Return ``value`` as the height or width of an image, or raise a ValueError."""
    side = check_count(name, value)
    if side > MOST_LINES:
        raise ValueError(
            f'{name} must be a number of pixels of {MOST_LINES} or less, '
            f'got {shown(value)}.'
        )
    return side


def check_count(name: str, value: Any, least: int = 0) -> int:
    """Return ``value`` as an int of ``least`` or more, or raise a ValueError."""
    number = least - 1
    # Truth is no count; NumPy warns where it is taken for one.
    if not isinstance(value, (bool, np.bool_)):
        # What Python, NumPy and torch raise.
        with suppress(TypeError, ValueError, RuntimeError):
            number = operator.index(value)
    if number < least:
        wanted = (
            'positive integer' if least == 1 else f'whole number of {least} or more'
        )
        raise ValueError(f'{name} must be a {wanted}, got {shown(value)}.')
    return number


def check_prob(prob: Any, name: str = 'prob') -> float:
    """Return ``prob`` as a float of [0, 1], or raise a ValueError."""
    number = _number(prob)
    if not 0 <= number <= 1:
        raise ValueError(f'{name} must be a number in [0, 1], got {shown(prob)}.')
    return number


def check_gamma(gamma: Any) -> float:
    """Return ``gamma`` as a float of [0, 1), or raise a ValueError."""
    number = _number(gamma)
    if not 0 <= number < 1:
        raise ValueError(f'gamma must be a number in [0, 1), got {shown(gamma)}.')
    return number


def check_center(center: Any) -> tuple[float, float]:
    """Return ``(x, y)`` as floats, Python's integers as they are, or raise."""
    x, y = _pair(center)
    if not (abs(x) <= FARTHEST_CENTER and abs(y) <= FARTHEST_CENTER):
        raise ValueError(
            'center must be two finite numbers of pixels (x, y), each within '
            f'{FARTHEST_CENTER:g}, got {shown(center)}.'
        )
    # An integer has more places than a float.
    given_x, given_y = center
    return (
        given_x if type(given_x) is int else x,
        given_y if type(given_y) is int else y,
    )


def check_radius(radius: Any) -> float:
    """Return ``radius`` as a float greater than 0, or raise a ValueError."""
    number = _number(radius)
    if not 0 < number < math.inf:
        raise ValueError(
            f'radius must be a finite number of pixels greater than 0, '
            f'got {shown(radius)}.'
        )
    return number


def check_ratios(ratios: Any) -> tuple[float, float]:
    """Return ``ratios`` as floats ``(a_x, a_y)``, or raise a ValueError."""
    a_x, a_y = _pair(ratios)
    if not (0 < a_x < math.inf and 0 < a_y < math.inf):
        raise ValueError(
            'ratios must be two finite numbers (a_x, a_y) greater than 0, '
            f'got {shown(ratios)}.'
        )
    return a_x, a_y


def check_ellipse(radius: float, ratios: tuple[float, float]) -> None:
    """Raise a ValueError unless float64 can tell both sides of Eq 2 apart."""
    if (radius > 1e150 and max(ratios) > 1e250) or (
        radius < 1e-150 and min(ratios) < 1e-250
    ):
        raise ValueError(
            f'ratios must be within 1e-250 and 1e250 for an ellipse of radius '
            f'{radius:g}, whose Eq 2 leaves the range of float64, got {shown(ratios)}.'
        )


def check_offsets(tx: Any, ty: Any) -> tuple[float, float]:
    """Return offsets in cells as floats ``(tx, ty)``, or raise a ValueError."""
    numbers = _number(tx), _number(ty)
    if not all(map(math.isfinite, numbers)):
        raise ValueError(
            f'tx and ty must be finite numbers of cells, '
            f'got {shown(tx)} and {shown(ty)}.'
        )
    return numbers


def check_array(value: Any, name: str, kinds: str, what: str) -> None:
    """Raise a TypeError unless ``value`` is an array of these kinds of dtype."""
    if isinstance(value, np.ma.MaskedArray):
        # Its mask would stay behind.
        raise TypeError(
            f'{name} must be a NumPy array without a mask, got a masked one: give '
            'its filled().'
        )
    if not isinstance(value, np.ndarray) or value.dtype.kind not in kinds:
        raise TypeError(
            f'{name} must be a NumPy array of {what}, got '
            f'{getattr(value, "dtype", type(value).__name__)}.'
        )


def check_image(img: Any, name: str = 'img') -> None:
    """Raise an error unless ``img`` is an image.

    Args:
        img: What should be an array of real numbers, (H, W) or (H, W, C).
        name (str): What messages call it.

    Raises:
        TypeError: If it is not an array of real numbers.
        ValueError: If it has not 2 or 3 dimensions.
    """
    check_array(img, name, 'buif', 'booleans, integers or real floats')
    if img.ndim not in (2, 3):
        raise ValueError(
            f'{name} must have shape (H, W) or (H, W, C), got {img.shape}.'
        )


def check_feature_map(
    x: Any, dims: tuple[int, ...] = (3, 4), name: str = 'a feature map'
) -> None:
    """Raise an error unless ``x`` is a feature map.

    Args:
        x: What should be a tensor of real floats, (B, C, H, W) or (C, H, W).
        dims (tuple[int, ...]): How many dimensions it may have.
        name (str): How the message calls it.

    Raises:
        TypeError: If it is not a dense tensor of real floats.
        ValueError: If it has another number of dimensions.
    """
    from torch import Tensor

    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise TypeError(
            f'{name} must be a tensor of real floats, got '
            f'{getattr(x, "dtype", type(x).__name__)}.'
        )
    if x.element_size() == 1:
        # torch computes nothing in them.
        raise TypeError(f'{name} must have floats of 16 bits or more, got {x.dtype}.')
    _check_dense(x, name)
    if x.ndim not in dims:
        shapes = {3: '(C, H, W)', 4: '(B, C, H, W)'}
        wanted = ' or '.join(shapes[dim] for dim in sorted(dims, reverse=True))
        raise ValueError(f'{name} must have shape {wanted}, got {tuple(x.shape)}.')


def _check_dense(x: Any, name: str) -> None:
    from torch import strided

    if x.is_nested or x.layout != strided:
        kind = 'a nested one' if x.is_nested else x.layout
        raise TypeError(f'{name} must be a dense tensor, got {kind}.')


def check_batch(x: Any, name: str = 'x') -> None:
    """Raise an error unless ``x`` is a batch of images.

    Args:
        x: What should be a dense tensor (B, C, H, W), of any dtype.
        name (str): How the message calls it.

    Raises:
        TypeError: If it is not a dense tensor.
        ValueError: If it has another number of dimensions.
    """
    from torch import Tensor

    if not isinstance(x, Tensor):
        raise TypeError(f'{name} must be a dense tensor, got {type(x).__name__}.')
    _check_dense(x, name)
    if x.ndim != 4:
        raise ValueError(f'{name} must have shape (B, C, H, W), got {tuple(x.shape)}.')
