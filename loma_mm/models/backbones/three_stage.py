"""What the CIFAR networks share: a stem, three stages, an optional norm."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

# The initialisation of all three papers' released code: N(0, 2 / fan_out)
# for convolutions, 1 and 0 for normalisation layers.
INIT_CFG = (
    dict(type='Kaiming', layer='Conv2d', mode='fan_out'),
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=0),
)


class ResidualBlock(nn.Module):
    """A block ``shortcut(x) + residual(x)`` that can be checkpointed.

    Args:
        with_cp (bool): Recompute the block in the backward pass instead of
            keeping its activations. Defaults to False.
    """

    def __init__(self, with_cp: bool = False) -> None:
        super().__init__()
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H / stride, W / stride)."""
        if self.with_cp and x.requires_grad:
            return checkpoint(self._forward, x, use_reentrant=False)
        return self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class ThreeStageNet(nn.Module):
    """A residual network for small images, such as CIFAR's 32 x 32.

    A 3x3 stem at full resolution, then ``layer1`` at stride 1, ``layer2`` at
    2 and ``layer3`` at 4.

    Args:
        stem (nn.Module): Maps (B, C, H, W) to (B, C', H, W).
        stages (Sequence[Sequence[nn.Module]]): The blocks of ``layer1``,
            ``layer2`` and ``layer3``.
        last_norm (nn.Module, optional): What follows ``layer3`` in a
            pre-activation network. It shapes the output of the last stage
            and nothing else. Defaults to None.
        out_indices (Sequence[int] | int): Stages to return, counted from 0;
            -1 is the last one. Defaults to (2, ).
        init_cfg (dict | list, optional): Initialisation. Defaults to None,
            which means that of the papers (:data:`INIT_CFG`).

    Raises:
        ValueError: If ``out_indices`` names a stage that does not exist.
    """

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[Sequence[nn.Module]],
        last_norm: nn.Module | None = None,
        out_indices: int | Sequence[int] = (2,),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if init_cfg is None:
            init_cfg = [dict(cfg) for cfg in INIT_CFG]
        super().__init__()
        self.init_cfg = init_cfg
        self.is_init = False
        self.out_indices = _check_out_indices(out_indices)
        self.stem = stem
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(*blocks) for blocks in stages
        )
        self.last_norm = nn.Identity() if last_norm is None else last_norm

    def init_weights(self) -> None:
        """Initialise as ``init_cfg`` says, once; pretrained weights win.

        What :class:`mmengine.model.BaseModule` does, without importing it
        with this package: it takes longer than all the rest, for the sake
        of distributed optimizers.
        """
        from mmengine.model import initialize

        if self.is_init:
            return
        cfgs = self.init_cfg
        if isinstance(cfgs, dict):
            cfgs = [cfgs]
        initialize(self, sorted(cfgs, key=lambda c: c['type'] == 'Pretrained'))
        self.is_init = True

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Compute the feature maps of the stages in ``out_indices``.

        Args:
            x (Tensor): Normalised images, shape (B, C, H, W).

        Returns:
            Tuple[Tensor, ...]: One map a stage, in the order of the stages;
            stage i has shape (B, C_i, H / 2**i, W / 2**i), rounded up.
        """
        x = self.stem(x)
        outs = []
        for i, stage in enumerate((self.layer1, self.layer2, self.layer3)):
            x = stage(x)
            if i in self.out_indices:
                outs.append(self.last_norm(x) if i == 2 else x)
        return tuple(outs)


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with padding and no bias."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


def pad_channels(x: Tensor, channels: int) -> Tensor:
    """Append zero channels to (B, C, H, W) until there are ``channels``."""
    extra = channels - x.size(1)
    return F.pad(x, (0, 0, 0, 0, 0, extra)) if extra else x


def blocks_per_stage(name: str, depth: int, per_block: int, rest: int) -> int:
    """The n of ``depth = 3 * per_block * n + rest``.

    Args:
        name (str): The network, for the message.
        depth (int): Number of layers with weights.
        per_block (int): Convolutions in one block.
        rest (int): Layers outside the stages, as the paper counts them.

    Raises:
        ValueError: If no n >= 1 gives this depth.
    """
    step = 3 * per_block
    if not isinstance(depth, int) or depth <= rest or (depth - rest) % step:
        examples = ', '.join(str(step * n + rest) for n in (1, 2, 3))
        raise ValueError(
            f'The depth of {name} must be {step}n + {rest} '
            f'({examples}, ...), got {depth!r}.'
        )
    return (depth - rest) // step


def _check_out_indices(out_indices: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(out_indices, int):
        out_indices = (out_indices,)
    out_indices = tuple(out_indices)
    if not out_indices or not all(
        isinstance(i, int) and -3 <= i <= 2 for i in out_indices
    ):
        raise ValueError(
            'out_indices must name stages 0, 1, 2 (or -3 to -1 '
            f'from the end), got {out_indices!r}.'
        )
    return tuple(sorted({i % 3 for i in out_indices}))
