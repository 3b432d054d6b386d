import torch
from mmengine.registry import MODELS
from torch import Tensor

from loma_mm.checks import check_choice, check_gamma, check_interpolation
from loma_mm.functional import offset_feature

from .base import FeatureAugment, uniform

RESCALES = ('none', 'nonzero')


@MODELS.register_module()
class FeatureMapOffset(FeatureAugment):
    """Move the feature maps and let zeros enter: FO, Eq 4.

    ``T_x`` and ``T_y`` are uniform in ``(-gamma, gamma) * max(H, W)``, one
    draw for the whole mini-batch, in training mode only; the gate p_f is
    :class:`RandomFeatureAugment`. It has no parameters.

    Args:
        gamma (float): The largest offset as a fraction of the longer side of
            the map, in [0, 1). Defaults to 0.25.
        interpolation (str): 'bilinear', or 'nearest', which rounds the
            offsets to whole cells. Defaults to 'bilinear'.
        rescale (str): 'none' as in the paper; 'nonzero' multiplies the moved
            tensor by its ``numel / count_nonzero``, as the authors' code
            does. Defaults to 'none'.
        in_channels (int, optional): Ignored; mmcv passes it to plugin
            layers. Defaults to None.

    Raises:
        ValueError: At construction, if an argument is outside its range.
    """

    def __init__(
        self,
        gamma: float = 0.25,
        interpolation: str = 'bilinear',
        rescale: str = 'none',
        in_channels: int | None = None,
    ) -> None:
        super().__init__()
        check_interpolation(interpolation)
        check_choice('rescale', rescale, RESCALES)
        self.gamma = check_gamma(gamma)
        self.interpolation = interpolation
        self.rescale = rescale

    def draw(self) -> tuple[float, float]:
        """Draw the offsets as fractions of the longer side of the maps."""
        tx, ty = (self.gamma * (2 * uniform() - 1) for _ in range(2))
        return tx, ty

    def transform(self, x: Tensor, drawn: tuple[float, float]) -> Tensor:
        """Move the content of ``x``, shape (B, C, H, W)."""
        tx, ty = (fraction * max(x.shape[-2:]) for fraction in drawn)
        out = offset_feature(x, tx, ty, self.interpolation)
        return _rescale_nonzero(out) if self.rescale == 'nonzero' else out

    def extra_repr(self) -> str:
        return (
            f'gamma={self.gamma}, interpolation={self.interpolation!r}, '
            f'rescale={self.rescale!r}'
        )


def _rescale_nonzero(x: Tensor) -> Tensor:
    count = x.count_nonzero()
    # A tensor of nothing but zeros is left alone.
    count = count + (count == 0) * x.numel()
    # The quotient may overflow float16.
    dtype = torch.promote_types(x.dtype, torch.float32)
    return (x.to(dtype) * (x.numel() / count.to(dtype))).to(x.dtype)
