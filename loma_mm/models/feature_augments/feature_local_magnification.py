from mmengine.registry import MODELS
from torch import Tensor

from loma_mm.functional import magnify_feature
from loma_mm.sampler import (
    RADIUS_RANGE,
    RATIO_RANGE,
    RegionSampler,
    RelativeRegion,
)

from .base import FeatureAugment, uniform


@MODELS.register_module()
class FeatureLocalMagnification(FeatureAugment):
    """Magnify a random local area of the feature maps: LOMA_F, Sec 3.2.

    One region for the whole mini-batch, in training mode only; the gate p_f
    is :class:`RandomFeatureAugment`. It has no parameters.

    Args:
        shape (str): The preset deformation shape: 'rhombus' (Eq 1),
            'ellipse' (Eq 2) or 'rectangle' (l-infinity norm).
            Defaults to 'rhombus'.
        radius_range (Tuple[float, float]): ``(r_min, r_max)`` as fractions
            of the longer side of the map. Defaults to (0.03, 0.7).
        ratio_range (Tuple[float, float]): ``(a_min, a_max)``, from which the
            compression ratio of one randomly chosen axis is drawn; the other
            ratio is 1. Defaults to (1.0, 3.0).
        in_channels (int, optional): Ignored; mmcv passes it to plugin
            layers. Defaults to None.

    Raises:
        ValueError: At construction, if an argument is outside its range.

    Example:
        >>> # as a plugin layer of MMDetection's ResNet
        >>> backbone = dict(type='ResNet', depth=50, plugins=[
        ...     dict(cfg=dict(type='loma_mm.FeatureLocalMagnification'),
        ...          stages=(False, True, False, False),
        ...          position='after_conv3')])
    """

    def __init__(
        self,
        shape: str = 'rhombus',
        radius_range: tuple[float, float] = RADIUS_RANGE,
        ratio_range: tuple[float, float] = RATIO_RANGE,
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        self.sampler = RegionSampler(shape, radius_range, ratio_range)

    def draw(self) -> RelativeRegion:
        """Draw a region, relative to the size of the maps."""
        return self.sampler.draw(uniform)

    def transform(self, x: Tensor, drawn: RelativeRegion) -> Tensor:
        """Magnify one region of ``x``, shape (B, C, H, W)."""
        return magnify_feature(x, drawn.at(*x.shape[-2:]))

    def extra_repr(self) -> str:
        return (
            f'shape={self.sampler.shape!r}, '
            f'radius_range={self.sampler.radius_range}, '
            f'ratio_range={self.sampler.ratio_range}'
        )
