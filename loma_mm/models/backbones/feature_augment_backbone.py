from typing import Any

import torch
from mmengine.registry import MODELS
from torch import nn

from loma_mm.errors import ConfigError
from loma_mm.names import shown

from ..feature_augments.base import Features, map_levels, of_kind
from ..feature_augments.random_feature_augment import (
    Augments,
    RandomFeatureAugment,
    build_module,
)
from .stage_output import require_maps, token_sizes

# The paper's LOMA_F and FO.
AUGMENTS = (dict(type='FeatureLocalMagnification'), dict(type='FeatureMapOffset'))


@MODELS.register_module()
def FeatureAugmentBackbone(
    backbone: dict | nn.Module,
    after: str = 'layer2',
    augments: Augments = AUGMENTS,
    prob: float = 0.5,
) -> nn.Module:
    """Attach feature augments to a backbone, after a stage of it.

    Returns the very backbone with a :class:`RandomFeatureAugment` in it: no
    parameter is added and no key of the state dict changes, so checkpoints
    move freely between the two. It follows ``train()`` and ``eval()`` of the
    backbone, also where the stage itself is frozen. The result may be wrapped
    again, to augment after another stage too.

    Args:
        backbone (dict | nn.Module): The backbone or its config.
        after (str): Name of the submodule whose output is augmented, dotted
            where it is nested ('stages.1'): a float map (B, C, H, W), a
            tuple or list of them, or tokens (B, H * W, C) that come with
            their size, ``(tokens, (H, W), ...)``, as in the Swin
            Transformers of MMDetection and MMPretrain. Layers of a
            VisionTransformer give neither. Defaults to 'layer2', l = 2 of the
            paper.
        augments (Sequence[dict | nn.Module]): Configs or modules, applied in
            this order. Defaults to LOMA_F, then FO, as the paper sets them.
        prob (float): Probability p_f that a mini-batch is augmented.
            Defaults to 0.5.

    Returns:
        nn.Module: The backbone.

    Raises:
        TypeError: If ``backbone`` is not a config or a module that can hold
            the augment, or ``augments`` not a list of configs or modules. In
            training mode, if the output of the stage is not made of float
            tensors.
        ConfigError: If there is no submodule ``after``, or it gives neither maps
            nor tokens of known size, as far as that is known before it runs.
        ValueError: If ``prob`` is not in [0, 1]. In training mode, if the output
            of the stage is made of neither maps nor tokens of known size.
        RuntimeError: In training mode, if the backbone never calls the stage.

    Example:
        >>> # in a config of MMDetection or MMPretrain
        >>> model = dict(
        ...     backbone=dict(
        ...         type='loma_mm.FeatureAugmentBackbone',
        ...         after='layer2',
        ...         backbone=dict(type='ResNet', depth=50)))
    """
    backbone = build_module('backbone', backbone)
    kind = type(backbone).__name__
    for container in (nn.Sequential, nn.ModuleList, nn.ModuleDict):
        if isinstance(backbone, container):
            raise TypeError(
                f'backbone must not be an nn.{container.__name__} ({kind}): it '
                'would run the augment as a layer of its own; make '
                'it a submodule of an nn.Module.'
            )
    if isinstance(backbone, torch.jit.ScriptModule):
        raise TypeError(
            f'backbone must not be made of TorchScript ({kind}), which takes no '
            'hooks: give the module from which it was made.'
        )
    try:
        named = isinstance(after, str) and after
        stage = backbone.get_submodule(after) if named else None
    except AttributeError:
        stage = None
    # A ModuleList is a mere container, which is never called.
    if stage is None or isinstance(stage, (nn.ModuleList, nn.ModuleDict)):
        raise ConfigError(
            f'after must name a stage of {kind}, one of '
            f'{_stage_names(backbone)}, got {shown(after)}.'
        )
    end = _end_of(after, backbone)
    require_maps(backbone, after, end)
    augment = _StageAugment(augments, prob, after, end)
    base = name = f'feature_augment_{after.replace(".", "_")}'
    number = 1
    while hasattr(backbone, name):
        number += 1
        name = f'{base}_{number}'
    backbone.add_module(name, augment)
    # Bound methods, not closures: a copied or unpickled backbone gets hooks
    # that are bound to its own augment.
    augment.attach(backbone)
    backbone.register_forward_pre_hook(augment.before_backbone)
    backbone.register_forward_hook(augment.after_backbone)
    return backbone


class _StageAugment(RandomFeatureAugment):
    """The augment of one stage; a child of the backbone, called by hooks.

    Args:
        augments (Sequence[dict | nn.Module]): See the gate.
        prob (float): See the gate.
        after (str): The stage, as the user names it.
        end (str): The submodule that computes the output of the stage.
    """

    uncompiled = ('attach', 'augment', 'replace')

    def __init__(self, augments: Augments, prob: float, after: str, end: str) -> None:
        super().__init__(augments, prob)
        self.after = after
        self.input_name = f'after {after!r}: a feature map'
        self._end = end
        # In a tuple, so that it is no submodule.
        self._stage: tuple[nn.Module | None] = (None,)
        self._reached = False

    def forward(self, x: Features) -> Features:
        """Nothing: a backbone may run all its children, one after the other."""
        return x

    def attach(self, backbone: nn.Module) -> None:
        """Listen to the stage, or to what was put in its place.

        A conversion to SyncBN, or back, makes new modules, without hooks.
        """
        stage = backbone.get_submodule(self._end)
        if stage is not self._stage[0]:
            self._stage = (stage,)
            stage.register_forward_hook(self.after_stage)

    def before_backbone(self, backbone: nn.Module, args: tuple) -> None:
        """Forward pre-hook of the backbone: is the hook where it should be?"""
        if self.training:
            self.attach(backbone)

    def after_stage(self, stage: nn.Module, args: tuple, output: Any) -> Any:
        """Forward hook of the stage: replace its output."""
        # None leaves the output alone, and no trace in an export.
        return self.replace(stage, output) if self.training else None

    def after_backbone(self, backbone: nn.Module, args: tuple, output: Any) -> None:
        """Forward hook of the backbone: was the stage there at all?"""
        if self.training and not self._reached:
            raise RuntimeError(
                f'{type(backbone).__name__} did not call its submodule '
                f'{self.after!r}, so nothing was augmented; name another one '
                'in `after`.'
            )

    def replace(self, stage: nn.Module, output: Any) -> Any:
        """The augmented output of the stage: maps, or tokens with their size."""
        if stage is not self._stage[0]:
            # It was replaced, and serves elsewhere.
            return output
        self._reached = True
        sizes = token_sizes(output)
        if not sizes:
            return self.augment(output)
        maps = [
            tokens.transpose(1, 2).unflatten(2, size)
            for tokens, size in zip(output[::2], sizes)
        ]
        tokens = map_levels(lambda x: x.flatten(2).transpose(1, 2), self.augment(maps))
        items = [item for pair in zip(tokens, output[1::2]) for item in pair]
        return of_kind(output, items)

    def extra_repr(self) -> str:
        return f'after={self.after!r}, {super().extra_repr()}'


def _end_of(after: str, backbone: nn.Module) -> str:
    """The submodule that computes the output of the stage ``after``.

    PyTorch 2.1 compiles an nn.Sequential without its hooks; and some
    backbones loop over one instead of calling it. Its last layer serves both,
    unless that is also used elsewhere, as an activation may be.
    """
    modules = list(backbone.named_modules(remove_duplicate=False))
    stage = backbone.get_submodule(after)
    while (
        isinstance(stage, nn.Sequential)
        and type(stage).forward is nn.Sequential.forward
        and len(stage)
    ):
        last = stage[-1]
        names = [name for name, module in modules if module is last]
        if len(names) > 1:
            break
        (after,), stage = names, last
    return after


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
