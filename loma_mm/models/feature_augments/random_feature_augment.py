from collections.abc import Sequence

from mmengine.registry import MODELS
from torch import nn

from loma_mm.checks import check_prob

from .base import FeatureAugment, Features, check_features, uncompiled, uniform

# Configs or modules.
Augments = Sequence[dict | nn.Module]


@MODELS.register_module()
class RandomFeatureAugment(FeatureAugment):
    """Apply feature augments to a mini-batch with probability p_f, Sec 3.2.

    One draw decides for all of them together; in training mode only. It has
    no parameters of its own.

    Args:
        augments (Sequence[dict | nn.Module]): Configs or modules, applied in
            this order; the paper takes :class:`FeatureLocalMagnification`,
            then :class:`FeatureMapOffset`.
        prob (float): Probability p_f that a mini-batch is augmented.
            Defaults to 0.5.
        in_channels (int, optional): Ignored; mmcv passes it to plugin
            layers. Defaults to None.

    Raises:
        TypeError: At construction, if ``augments`` is not a list of configs
            or modules.
        ValueError: At construction, if ``prob`` is not in [0, 1].

    Example:
        >>> import torch
        >>> augment = RandomFeatureAugment([
        ...     dict(type='FeatureLocalMagnification'),
        ...     dict(type='FeatureMapOffset', gamma=0.25)])
        >>> augment(torch.rand(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(
        self, augments: Augments, prob: float = 0.5, in_channels: int | None = None
    ) -> None:
        super().__init__()
        self.prob = check_prob(prob)
        if not isinstance(augments, (list, tuple)) or not all(
            isinstance(augment, (dict, nn.Module)) for augment in augments
        ):
            raise TypeError(
                f'augments must be a list of configs or modules, got {augments!r}.'
            )
        self.augments = nn.ModuleList(
            MODELS.build(augment) if isinstance(augment, dict) else augment
            for augment in augments
        )

    @uncompiled
    def _augment(self, x: Features) -> Features:
        check_features(x)
        if uniform() < self.prob:
            for augment in self.augments:
                x = augment(x)
        return x

    def extra_repr(self) -> str:
        return f'prob={self.prob}'
