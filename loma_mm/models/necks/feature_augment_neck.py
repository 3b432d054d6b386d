from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import Tensor, nn

from loma_mm.names import shown

from ..feature_augments.base import Features, of_kind
from ..feature_augments.random_feature_augment import Augments, RandomFeatureAugment


@MODELS.register_module()
class FeatureAugmentNeck(nn.Module):
    """Feature augments as a neck, for chosen levels of a backbone or FPN.

    Takes and returns a tensor or a tuple or list of them. One draw decides
    for all chosen levels, and they are augmented alike, relative to their
    size; in training mode only. It has no parameters of its own.

    Args:
        augments (Sequence[dict | nn.Module]): See
            :class:`RandomFeatureAugment`.
        prob (float): Probability p_f that a mini-batch is augmented.
            Defaults to 0.5.
        levels (Sequence[int], optional): Indices of the levels to augment,
            from the end where negative; a single tensor is one level.
            Defaults to None, which means all levels.

    Raises:
        TypeError: At construction, if ``augments`` is not a list of configs
            or modules, or ``levels`` not a sequence of integers.
            In training mode, if ``x`` is not made of float tensors.
        ValueError: At construction, if ``prob`` is not in [0, 1]. In training
            mode, if a level does not exist or has not 4 dimensions.

    Example:
        >>> # in MMDetection, on the two finest levels of an FPN
        >>> neck = [
        ...     dict(type='FPN', in_channels=[256, 512, 1024, 2048],
        ...          out_channels=256, num_outs=5),
        ...     dict(type='loma_mm.FeatureAugmentNeck', levels=(0, 1),
        ...          augments=[dict(type='loma_mm.FeatureMapOffset')]),
        ... ]
    """

    def __init__(
        self,
        augments: Augments,
        prob: float = 0.5,
        levels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if levels is not None:
            if not isinstance(levels, (list, tuple)) or not all(
                type(level) is int for level in levels
            ):
                raise TypeError(
                    f'levels must be None or a list of integers, got {shown(levels)}.'
                )
            levels = tuple(levels)
        self.levels = levels
        self.gate = RandomFeatureAugment(augments, prob)

    def forward(self, x: Features) -> Features:
        """Augment the chosen levels; same kind in and out."""
        if not self.training:
            return x
        if self.levels is None:
            return self.gate(x)
        maps = [x] if isinstance(x, Tensor) else list(x)
        outside = [
            level for level in self.levels if not -len(maps) <= level < len(maps)
        ]
        if outside:
            raise ValueError(
                f'levels must be in [{-len(maps)}, {len(maps)}) '
                f'for {len(maps)} feature maps, got {outside}.'
            )
        # A level may be named twice, from either end.
        levels = sorted({level % len(maps) for level in self.levels})
        augmented = self.gate([maps[level] for level in levels])
        for level, output in zip(levels, augmented):
            maps[level] = output
        return maps[0] if isinstance(x, Tensor) else of_kind(x, maps)

    def extra_repr(self) -> str:
        return f'levels={self.levels}'
