from typing import Any

from mmengine.registry import MODELS
from torch import nn

from ..feature_augments import RandomFeatureAugment
from ..feature_augments.base import Features, check_features, uncompiled
from ..feature_augments.random_feature_augment import Augments

# The paper's LOMA_F and FO.
AUGMENTS = (dict(type='FeatureLocalMagnification'), dict(type='FeatureMapOffset'))


@MODELS.register_module()
def FeatureAugmentBackbone(
    backbone: dict | nn.Module,
    after: str = 'layer2',
    augments: Augments = AUGMENTS,
    prob: float = 0.5,
) -> nn.Module:
    """Attach feature augments to any backbone, after a stage of it.

    Returns the very backbone with a :class:`RandomFeatureAugment` in it: no
    parameter is added and no key of the state dict changes, so checkpoints
    move freely between the two. It follows ``train()`` and ``eval()`` of the
    backbone, also where the stage itself is frozen. The result may be wrapped
    again, to augment after another stage too.

    Args:
        backbone (dict | nn.Module): The backbone or its config.
        after (str): Name of the submodule whose output is augmented, dotted
            where it is nested ('stages.1'): a float map (B, C, H, W), or a
            tuple or list of them. Defaults to 'layer2', l = 2 of the paper.
        augments (Sequence[dict | nn.Module]): Configs or modules, applied in
            this order. Defaults to LOMA_F, then FO, as the paper sets them.
        prob (float): Probability p_f that a mini-batch is augmented.
            Defaults to 0.5.

    Returns:
        nn.Module: The backbone.

    Raises:
        TypeError: If ``backbone`` is not a module that can hold the augment,
            or ``augments`` not a list of configs or modules. In training
            mode, if the output of the stage is not made of float tensors.
        ValueError: If there is no submodule ``after``, or ``prob`` is not in
            [0, 1]. In training mode, if the output of the stage is not made
            of 4-D tensors.
        RuntimeError: In training mode, if the backbone never calls the stage.

    Example:
        >>> # in a config of MMDetection or MMPretrain
        >>> model = dict(
        ...     backbone=dict(
        ...         type='loma_mm.FeatureAugmentBackbone',
        ...         after='layer2',
        ...         backbone=dict(type='ResNet', depth=50)))
    """
    if not isinstance(backbone, nn.Module):
        backbone = MODELS.build(backbone)
    kind = type(backbone).__name__
    if isinstance(backbone, nn.Sequential):
        raise TypeError(
            f'backbone must not be an nn.Sequential ({kind}): it '
            'would run the augment as a layer of its own; make '
            'it a submodule of an nn.Module.'
        )
    try:
        stage = backbone.get_submodule(after) if after else None
    except (AttributeError, TypeError):
        stage = None
    # A ModuleList is a mere container, which is never called.
    if stage is None or isinstance(stage, (nn.ModuleList, nn.ModuleDict)):
        raise ValueError(
            f'after must name a stage of {kind}, one of '
            f'{_stage_names(backbone)}, got {after!r}.'
        )
    augment = _StageAugment(augments, prob, after)
    base = name = f'feature_augment_{after.replace(".", "_")}'
    number = 1
    while hasattr(backbone, name):
        number += 1
        name = f'{base}_{number}'
    backbone.add_module(name, augment)
    # Bound methods, not closures: a copied or unpickled backbone gets hooks
    # that are bound to its own augment.
    _end_of(stage, backbone).register_forward_hook(augment.after_stage)
    backbone.register_forward_hook(augment.after_backbone)
    return backbone


class _StageAugment(RandomFeatureAugment):
    """The augment of one stage; a child of the backbone, called by hooks."""

    def __init__(self, augments: Augments, prob: float, after: str) -> None:
        super().__init__(augments, prob)
        self.after = after
        self._reached = False

    def after_stage(self, stage: nn.Module, args: tuple, output: Features) -> Any:
        """Forward hook of the stage: replace its output."""
        # None leaves the output alone, and no trace in an export.
        return self(output) if self.training else None

    def after_backbone(self, backbone: nn.Module, args: tuple, output: Any) -> None:
        """Forward hook of the backbone: was the stage there at all?"""
        if self.training and not self._reached:
            raise RuntimeError(
                f'{type(backbone).__name__} did not call its submodule '
                f'{self.after!r}, so nothing was augmented; name another one '
                'in `after`.'
            )

    @uncompiled
    def _augment(self, x: Features) -> Features:
        self._reached = True
        try:
            check_features(x)
        except (TypeError, ValueError) as error:
            raise type(error)(f'after {self.after!r}: {error}') from error
        return super()._augment(x)

    def extra_repr(self) -> str:
        return f'after={self.after!r}, {super().extra_repr()}'


def _end_of(stage: nn.Module, backbone: nn.Module) -> nn.Module:
    """The module that computes the output of the stage.

    PyTorch 2.1 compiles an nn.Sequential without its hooks; and some
    backbones loop over one instead of calling it. Its last layer serves both,
    unless that is also used elsewhere, as an activation may be.
    """
    modules = [m for _, m in backbone.named_modules(remove_duplicate=False)]
    while type(stage).forward is nn.Sequential.forward and len(stage):
        last = stage[-1]
        if sum(module is last for module in modules) > 1:
            break
        stage = last
    return stage


def _stage_names(backbone: nn.Module) -> list[str]:
    """The submodules one would call stages, and the items of lists of them."""
    names = []
    for name, child in backbone.named_children():
        items = [item for item, _ in child.named_children()]
        if isinstance(child, RandomFeatureAugment) or not items:
            continue
        if not isinstance(child, (nn.ModuleList, nn.ModuleDict)):
            names.append(name)
        if isinstance(child, (nn.ModuleList, nn.ModuleDict, nn.Sequential)):
            names += [f'{name}.{item}' for item in items]
    return names
