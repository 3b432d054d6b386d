"""The random draws of LOMA, for images and for feature maps alike."""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np

from .checks import SHAPES, check_range, check_shape
from .functional.region import MagnificationRegion, RegionTable

Number = TypeVar('Number', float, np.ndarray)

# The paper's ranges for classification (Sec 4.1), fractions of the longer side
# and compression ratios; detection takes others (Sec 4.6).
RADIUS_RANGE = (0.03, 0.7)
RATIO_RANGE = (1.0, 3.0)


class RelativeRegion(NamedTuple):
    """One draw of LOMA's random numbers, before the image size is known.

    Args:
        center (Tuple[float, float]): ``(x, y)`` as fractions of the width
            and height, in [0, 1).
        radius (float): ``r`` as a fraction of ``max(H, W)``.
        ratios (Tuple[float, float]): ``(a_x, a_y)``.
        shape (str): See :class:`~loma_mm.functional.MagnificationRegion`.
    """

    center: tuple[float, float]
    radius: float
    ratios: tuple[float, float]
    shape: str

    def at(self, height: int, width: int) -> MagnificationRegion:
        """The same region in the pixels of an image or feature map."""
        x, y = self.center
        # A draw is valid, and checks cost as much as the draw itself.
        return MagnificationRegion.from_valid(
            center=(int(x * width), int(y * height)),
            radius=self.radius * max(height, width),
            ratios=self.ratios,
            shape=self.shape,
        )


class RegionSampler:
    """Draws regions as lines 5-10 of Algorithm 1 do.

    The centre is uniform over all pixels, the radius uniform in
    ``radius_range * max(H, W)``; a fair coin picks the axis whose ratio is
    uniform in ``ratio_range``, the other ratio is 1.

    Args:
        shape (str): 'rhombus', 'ellipse' or 'rectangle'.
        radius_range (Tuple[float, float]): ``(r_min, r_max)``, fractions of
            the longer side, 0 < r_min <= r_max.
        ratio_range (Tuple[float, float]): ``(a_min, a_max)``,
            0 < a_min <= a_max.

    Raises:
        ValueError: If an argument is outside its range.
    """

    def __init__(
        self,
        shape: str,
        radius_range: tuple[float, float],
        ratio_range: tuple[float, float],
    ) -> None:
        check_shape(shape)
        self.shape = shape
        self.radius_range = check_range('radius_range', radius_range)
        self.ratio_range = check_range('ratio_range', ratio_range)

    def draw(self, random: Callable[[], float]) -> RelativeRegion:
        """Draw one region; ``random`` returns a uniform number of [0, 1)."""
        radius = _between(self.radius_range, random())
        horizontal = random() > 0.5
        ratio = _between(self.ratio_range, random())
        return RelativeRegion(
            center=(random(), random()),
            radius=radius,
            ratios=(ratio, 1.0) if horizontal else (1.0, ratio),
            shape=self.shape,
        )

    def draw_batch(self, uniform: np.ndarray, sizes: np.ndarray) -> RegionTable:
        """Draw a region for each image of a batch, in pixels.

        Args:
            uniform (np.ndarray): Uniform numbers of [0, 1), float64 of shape
                (B, 5): a row gives the region that :meth:`draw` makes of
                these numbers in this order.
            sizes (np.ndarray): ``(h, w)`` of each image, shape (B, 2).
        """
        radius, coin, ratio, x, y = uniform.T
        height, width = sizes.T
        horizontal, ratio = coin > 0.5, _between(self.ratio_range, ratio)
        numbers = np.empty((len(uniform), 6))
        np.floor(x * width, out=numbers[:, 0])
        np.floor(y * height, out=numbers[:, 1])
        longer = np.maximum(height, width)
        numbers[:, 2] = _between(self.radius_range, radius) * longer
        numbers[:, 3] = np.where(horizontal, ratio, 1.0)
        numbers[:, 4] = np.where(horizontal, 1.0, ratio)
        numbers[:, 5] = SHAPES.index(self.shape)
        return RegionTable(numbers)


def _between(bounds: tuple[float, float], uniform: Number) -> Number:
    low, high = bounds
    return low + (high - low) * uniform
