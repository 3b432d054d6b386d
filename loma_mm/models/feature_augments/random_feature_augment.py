from collections.abc import Sequence
from typing import Any

from mmengine.registry import MODELS
from torch import nn

from loma_mm.checks import check_prob
from loma_mm.names import shown

from .base import FeatureAugment, Features, UncompiledModule, check_features, uniform

# Configs or modules.
Augments = Sequence[dict | nn.Module]


@MODELS.register_module()
class RandomFeatureAugment(UncompiledModule):
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

    # How an error calls the input.
    input_name = 'a feature map'

    def __init__(
        self, augments: Augments, prob: float = 0.5, in_channels: int | None = None
    ) -> None:
        super().__init__()
        self.prob = check_prob(prob)
        if not isinstance(augments, (list, tuple)):
            raise TypeError(
                f'augments must be a list of configs or modules, got {shown(augments)}.'
            )
        self.augments = nn.ModuleList(
            build_module(f'augments[{i}]', augment)
            for i, augment in enumerate(augments)
        )

    def forward(self, x: Features) -> Features:
        """Augment float maps of shape (B, C, H, W); same kind in and out.

        Raises:
            TypeError: In training mode, if ``x`` is not a float tensor or a
                tuple or list of them, whether it is augmented or not.
            ValueError: In training mode, if a tensor has not 4 dimensions.
        """
        return self.augment(x) if self.training else x

    def augment(self, x: Features) -> Features:
        """What :meth:`forward` does in training mode."""
        check_features(x, self.input_name)
        if uniform() < self.prob:
            checked = True
            for augment in self.augments:
                # Ours give maps for maps; what others give is not known.
                if isinstance(augment, FeatureAugment):
                    x, checked = augment(x, checked=checked), True
                else:
                    x, checked = augment(x), False
        return x

    def extra_repr(self) -> str:
        return f'prob={self.prob}'


def build_module(name: str, module: Any) -> nn.Module:
    """Build ``module`` if it is a config; errors call it ``name``.

    Raises:
        TypeError: If it is neither a config nor a module.
        ValueError: If it is a config without a type, or of an unknown one.
    """
    if isinstance(module, nn.Module):
        return module
    if not isinstance(module, dict):
        raise TypeError(f'{name} must be a config or a module, got {shown(module)}.')
    if 'type' not in module:
        raise ValueError(f'{name} must have a key "type", got {shown(module)}.')
    try:
        built = MODELS.build(module)
    except KeyError as error:
        # MMEngine's, with a remedy: the type is not registered.
        raise ValueError(f'{name} cannot be built: {error.args[0]}') from error
    if not isinstance(built, nn.Module):
        raise TypeError(f'{name} must build a module, got {shown(built)}.')
    return built
