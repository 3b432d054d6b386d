from typing import Any, Union

import torch
from torch import Tensor, nn

from loma_mm.checks import check_feature_map

# torch.compiler.disable loads the compiler, 0.7 s, when it decorates; torch's
# own form of it waits for the first call.
uncompiled = getattr(torch, '_disable_dynamo', torch.compiler.disable)

# One feature map, or several levels of them.
Features = Union[Tensor, tuple[Tensor, ...], list[Tensor]]


class FeatureAugment(nn.Module):
    """A random change of feature maps, in training mode only.

    In eval mode the input itself is returned. In training mode one draw from
    torch's CPU generator serves the whole mini-batch, all channels and, where
    the input is a tuple or list, all levels. That generator needs no device
    synchronisation, and activation checkpointing replays its draws.

    A subclass implements :meth:`draw` and :meth:`transform`.
    """

    def forward(self, x: Features) -> Features:
        """Augment float maps of shape (B, C, H, W); same kind in and out.

        Raises:
            TypeError: In training mode, if ``x`` is not a float tensor or a
                tuple or list of them.
            ValueError: In training mode, if a tensor has not 4 dimensions.
        """
        return self._augment(x) if self.training else x

    # Compiled code would keep the numbers of its first call.
    @uncompiled
    def _augment(self, x: Features) -> Features:
        check_features(x)
        drawn = self.draw()
        if isinstance(x, Tensor):
            return self.transform(x, drawn)
        return type(x)([self.transform(level, drawn) for level in x])

    def draw(self) -> Any:
        """Draw all random numbers of one mini-batch."""
        raise NotImplementedError

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        """Apply what :meth:`draw` returned to one tensor (B, C, H, W)."""
        raise NotImplementedError


def check_features(x: Features) -> None:
    """Raise an error unless ``x`` is made of float maps (B, C, H, W)."""
    for level in x if isinstance(x, (tuple, list)) else (x,):
        check_feature_map(level, dims=(4,))


def uniform() -> float:
    """A uniform number of [0, 1) from torch's CPU generator."""
    return torch.rand((), dtype=torch.float64, device='cpu').item()
