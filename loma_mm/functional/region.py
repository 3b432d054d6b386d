"""The equations of LOMA: the deformation region (Eqs 1, 2) and the map (Eq 3).

Coordinate convention, everywhere in this package: pixels are points at
integer coordinates, ``x`` grows to the right from column 0, ``y`` grows
downwards from row 0. (The paper draws its origin at the bottom left; the
equations are symmetric in that choice.)
"""

import math
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from loma_mm.checks import (
    SHAPES,
    check_center,
    check_ellipse,
    check_radius,
    check_ratios,
    check_shape,
)
from loma_mm.names import shown

# d / r stays finite: where r is less, all of S but the centre reads from beyond
# every image anyway.
LEAST_RADIUS = 1e-150


@dataclass(frozen=True)
class MagnificationRegion:
    """A region S and the map that magnifies it, in pixels.

    The methods only use operators, so ``x`` and ``y`` may be numbers, NumPy
    arrays or torch tensors that broadcast against each other; the result is
    of the same kind.

    Args:
        center (Tuple[float, float]): ``(x_c, y_c)``, the magnification
            centre in pixels, each within 1e15.
        radius (float): ``r`` in pixels, greater than 0.
        ratios (Tuple[float, float]): ``(a_x, a_y)``, the horizontal and
            vertical compression ratios, each greater than 0.
            Defaults to ``(1.0, 1.0)``.
        shape (str): 'rhombus' (l1 norm, Eq 1), 'ellipse' (l2 norm, Eq 2) or
            'rectangle' (l-infinity norm, Sec 3.1). Defaults to 'rhombus'.

    Numbers are kept as Python floats, integers of the centre as integers.

    Raises:
        ValueError: If an argument is outside its range, or not finite; or
            if both squares of an ellipse's radius and its ratios leave the
            range of float64.

    Example:
        >>> region = MagnificationRegion((8, 8), radius=4)
        >>> region.contains(9, 10)
        True
        >>> region.source(10, 8)
        (9.0, 8.0)
    """

    center: tuple[float, float]
    radius: float
    ratios: tuple[float, float] = (1.0, 1.0)
    shape: str = 'rhombus'

    def __post_init__(self) -> None:
        check_shape(self.shape)
        # Floats: NumPy's small integers would wrap around in Eq 2.
        object.__setattr__(self, 'center', check_center(self.center))
        object.__setattr__(self, 'radius', check_radius(self.radius))
        object.__setattr__(self, 'ratios', check_ratios(self.ratios))
        if self.shape == 'ellipse':
            check_ellipse(self.radius, self.ratios)

    @classmethod
    def from_valid(
        cls,
        center: tuple[float, float],
        radius: float,
        ratios: tuple[float, float],
        shape: str,
    ) -> 'MagnificationRegion':
        """The same without checks, for numbers that are known to be valid."""
        region = object.__new__(cls)
        region.__dict__.update(center=center, radius=radius, ratios=ratios, shape=shape)
        return region

    def contains(self, x, y):
        """Whether pixel ``(x, y)`` lies in S: Eq 1, Eq 2 or l-infinity."""
        dx, dy = self._distances(x, y)
        a_x, a_y = self.ratios
        if self.shape == 'rhombus':
            return a_x * abs(dx) + a_y * abs(dy) < self.radius
        if self.shape == 'ellipse':
            return a_x * dx * dx + a_y * dy * dy < self.radius * self.radius
        return (a_x * abs(dx) < self.radius) & (a_y * abs(dy) < self.radius)

    def source(self, x, y):
        """Where the pixel at ``(x, y)`` of the output reads from: Eq 3.

        Returns:
            tuple: Real-valued ``(x_o, y_o)``, defined for every pixel and
            meant for those of S.
        """
        x_c, y_c = self.center
        dx, dy = self._distances(x, y)
        scale = (dx * dx + dy * dy) ** 0.5 / self._divisor()
        return scale * dx + x_c, scale * dy + y_c

    def _distances(self, x, y):
        """How far right of and below the centre pixels lie, as floats.

        NumPy's and torch's integers without a sign would wrap around, and of
        integers NumPy takes a power in place of a true square root.
        """
        x_c, y_c = map(float, self.center)
        return x - x_c, y - y_c

    def _divisor(self):
        """The radius, where d / r does not overflow."""
        return max(self.radius, LEAST_RADIUS)

    def target(self, x_o, y_o):
        """Where content at ``(x_o, y_o)`` goes: the inverse of :meth:`source`.

        Eq 3 turns the distance d into d^2 / r along the same ray, hence
        d = sqrt(r * d_o).
        """
        x_c, y_c = self.center
        dx, dy = self._distances(x_o, y_o)
        distance = (dx * dx + dy * dy) ** 0.5
        # The centre maps to itself; adding 1 there avoids 0 / 0. The quotient of
        # the roots: that of r and d_o may be infinite.
        scale = self.radius**0.5 / (distance + (distance == 0)) ** 0.5
        return scale * dx + x_c, scale * dy + y_c

    def bounds(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The smallest pixel box that is sure to hold S in an image.

        Returns:
            Tuple[int, int, int, int]: ``(x_min, y_min, x_max, y_max)``, the
            upper ends exclusive, clipped to the image; empty where S misses
            the image.
        """
        box = []
        for c, a, size in zip(self.center, self.ratios, (width, height)):
            reach = self.radius / (a**0.5 if self.shape == 'ellipse' else a)
            # Clipped before they are rounded: a reach may be infinite.
            low = math.floor(min(max(c - reach, 0), size))
            high = math.ceil(min(max(c + reach + 1, low), size))
            box.append((low, high))
        (x_min, x_max), (y_min, y_max) = box
        return x_min, y_min, x_max, y_max


class RegionTable(Sequence):
    """The regions of a batch in one array: entries are made when asked for.

    Args:
        numbers (np.ndarray): float64 of shape (B, 6), ``x_c, y_c, r, a_x, a_y``
            of each image, in pixels, and the index of its shape in
            :data:`loma_mm.checks.SHAPES`, or -1 for no region.

    Example:
        >>> table = RegionTable.of([MagnificationRegion((8, 8), radius=4), None])
        >>> table[0].radius, table[1]
        (4.0, None)
    """

    def __init__(self, numbers: np.ndarray) -> None:
        self.numbers = numbers

    @classmethod
    def of(cls, regions: Iterable[MagnificationRegion | None]) -> 'RegionTable':
        """A table of these regions."""
        kinds = {shape: kind for kind, shape in enumerate(SHAPES)}
        numbers: list[float] = []
        for region in regions:
            if region is None:
                numbers += _NOTHING
            else:
                kind = kinds[region.shape]
                numbers += (*region.center, region.radius, *region.ratios, kind)
        # np.array() takes as long for a list as all of the above.
        packed = bytearray(struct.pack(f'{len(numbers)}d', *numbers))
        return cls(np.frombuffer(packed, np.float64).reshape(-1, 6))

    def drop(self, which: np.ndarray) -> None:
        """Leave those images as they are; bool of shape (B, )."""
        self.numbers[which, -1] = -1

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        """The region of an image, or None; the table of a slice."""
        if isinstance(index, slice):
            return type(self)(self.numbers[index])
        x, y, radius, a_x, a_y, kind = self.numbers[index].tolist()
        if kind < 0:
            return None
        return MagnificationRegion.from_valid(
            center=(_whole(x), _whole(y)),
            radius=radius,
            ratios=(a_x, a_y),
            shape=SHAPES[int(kind)],
        )


# What stands in a table for no region.
_NOTHING = (0, 0, 1, 1, 1, -1)


def _whole(number: float) -> float:
    """As an integer, if it is one."""
    return int(number) if number.is_integer() else number


def check_region(region: Any) -> None:
    """Raise a TypeError unless ``region`` is a :class:`MagnificationRegion`."""
    if not isinstance(region, MagnificationRegion):
        raise TypeError(
            'region must be a MagnificationRegion, got '
            f'{type(region).__name__}: {shown(region)}.'
        )
