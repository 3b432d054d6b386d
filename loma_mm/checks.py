"""The checks of arguments: each once, with one wording."""

import math
from typing import Any

SHAPES = ('rhombus', 'ellipse', 'rectangle')
INTERPOLATIONS = ('nearest', 'bilinear')


def check_choice(name: str, value: Any, choices: tuple) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    # An array or a list is compared to no word.
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f'{name} must be one of {choices}, got {value!r}.')


def check_shape(shape: str) -> None:
    """Raise a ValueError unless ``shape`` is one of :data:`SHAPES`."""
    check_choice('shape', shape, SHAPES)


def check_interpolation(interpolation: str) -> None:
    """Raise a ValueError unless it is one of :data:`INTERPOLATIONS`."""
    check_choice('interpolation', interpolation, INTERPOLATIONS)


def check_range(name: str, value: Any) -> tuple[float, float]:
    """Return ``value`` as floats ``(min, max)``, 0 < min <= max, or raise."""
    try:
        low, high = map(float, value)
        valid = 0 < low <= high < math.inf
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(
            f'{name} must be two finite numbers (min, max) with 0 < min <= max, '
            f'got {value!r}.'
        )
    return low, high


def check_prob(prob: Any, name: str = 'prob') -> float:
    """Return ``prob`` as a float of [0, 1], or raise a ValueError."""
    try:
        valid = 0 <= float(prob) <= 1
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(f'{name} must be a number in [0, 1], got {prob!r}.')
    return float(prob)


def check_gamma(gamma: Any) -> float:
    """Return ``gamma`` as a float of [0, 1), or raise a ValueError."""
    try:
        valid = 0 <= float(gamma) < 1
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(f'gamma must be a number in [0, 1), got {gamma!r}.')
    return float(gamma)


def check_feature_map(
    x: Any, dims: tuple[int, ...] = (3, 4), name: str = 'a feature map'
) -> None:
    """Raise an error unless ``x`` is a feature map.

    Args:
        x: What should be a tensor of real floats, (B, C, H, W) or (C, H, W).
        dims (tuple[int, ...]): How many dimensions it may have.
        name (str): How the message calls it.

    Raises:
        TypeError: If it is not a tensor of real floats.
        ValueError: If it has another number of dimensions.
    """
    from torch import Tensor

    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise TypeError(
            f'{name} must be a tensor of real floats, got '
            f'{getattr(x, "dtype", type(x).__name__)}.'
        )
    if x.ndim not in dims:
        shapes = {3: '(C, H, W)', 4: '(B, C, H, W)'}
        wanted = ' or '.join(shapes[dim] for dim in sorted(dims, reverse=True))
        raise ValueError(f'{name} must have shape {wanted}, got {tuple(x.shape)}.')
