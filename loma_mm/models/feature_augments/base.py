from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from loma_mm.checks import check_feature_map

# One feature map, or several levels of them.
Features = Tensor | tuple[Tensor, ...] | list[Tensor]


class UncompiledModule(nn.Module):
    """A module of which ``torch.compile`` leaves some methods as they are.

    Compiled code would keep the random numbers of its first call. What says so to
    PyTorch imports its compiler, in half a second: those who make such a module
    wait for it, and not everyone who imports this package.
    """

    uncompiled: ClassVar[tuple[str, ...]] = ('augment',)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if '_is_marked' not in vars(cls):
            for name in cls.uncompiled:
                setattr(cls, name, torch.compiler.disable(getattr(cls, name)))
            cls._is_marked = True
        return super().__new__(cls)


class FeatureAugment(UncompiledModule):
    """A random change of feature maps, in training mode only.

    In eval mode the input itself is returned. In training mode one draw from
    torch's CPU generator serves the whole mini-batch, all channels and, where
    the input is a tuple or list, all levels. That generator needs no device
    synchronisation, and activation checkpointing replays its draws.

    A subclass implements :meth:`draw` and :meth:`transform`.
    """

    def forward(self, x: Features, checked: bool = False) -> Features:
        """Augment float maps of shape (B, C, H, W); same kind in and out.

        Args:
            x (Tensor | tuple[Tensor] | list[Tensor]): One map or several.
            checked (bool): Whether the caller knows that ``x`` is such a map.
                Defaults to False.

        Raises:
            TypeError: In training mode, if ``x`` is not a float tensor or a
                tuple or list of them.
            ValueError: In training mode, if a tensor has not 4 dimensions.
        """
        return self.augment(x, checked) if self.training else x

    def augment(self, x: Features, checked: bool = False) -> Features:
        """What :meth:`forward` does in training mode."""
        if not checked:
            check_features(x)
        drawn = self.draw()
        return map_levels(lambda level: self.transform(level, drawn), x)

    def draw(self) -> Any:
        """Draw all random numbers of one mini-batch."""
        raise NotImplementedError

    def transform(self, x: Tensor, drawn: Any) -> Tensor:
        """Apply what :meth:`draw` returned to one tensor (B, C, H, W)."""
        raise NotImplementedError


def map_levels(function: Callable[[Tensor], Tensor], x: Features) -> Features:
    """``function`` of a tensor, or of each of a tuple or list of them."""
    if isinstance(x, (tuple, list)):
        return of_kind(x, [function(level) for level in x])
    return function(x)


def of_kind(x: Any, items: Sequence) -> Any:
    """Items in a tuple or list of the kind of ``x``, be it a named tuple."""
    return type(x)(*items) if hasattr(x, '_fields') else type(x)(items)


def check_features(x: Any, name: str = 'a feature map') -> None:
    """Raise an error unless ``x`` is made of float maps (B, C, H, W)."""
    for level in x if isinstance(x, (tuple, list)) else (x,):
        check_feature_map(level, dims=(4,), name=name)


def uniform() -> float:
    """A uniform number of [0, 1) from torch's CPU generator."""
    return torch.rand((), dtype=torch.float64, device='cpu').item()
