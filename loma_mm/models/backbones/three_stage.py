"""What the CIFAR networks share: a stem, three stages, an optional norm."""

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from loma_mm.names import shown

# The initialisation of all three papers' released code: N(0, 2 / fan_out)
# for convolutions, 1 and 0 for normalisation layers.
INIT_CFG = (
    dict(type='Kaiming', layer='Conv2d', mode='fan_out'),
    dict(type='Constant', layer='BatchNorm2d', val=1, bias=0),
)

STEM_CHANNELS = 16
STAGES = ('layer1', 'layer2', 'layer3')
STRIDES = (1, 2, 2)


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


class ThreeStageNet(BaseModule):
    """A residual network for small images, such as CIFAR's 32 x 32.

    A 3x3 stem with 16 channels at full resolution, then ``layer1`` at stride
    1, ``layer2`` at 2 and ``layer3`` at 4.

    Args:
        stem (nn.Module): Maps (B, C, H, W) to (B, 16, H, W).
        block (Callable): Called with the channels that come in, those that go
            out, and the stride; returns a block.
        widths (Sequence[Sequence[int]]): The channels that go out of each
            block of each stage.
        last_norm (bool): Whether a norm and a ReLU follow ``layer3``, as in a
            pre-activation network. They shape the output of the last stage
            and nothing else. Defaults to False.
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
        block: Callable[[int, int, int], nn.Module],
        widths: Sequence[Sequence[int]],
        last_norm: bool = False,
        out_indices: int | Sequence[int] = (2,),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__([dict(c) for c in INIT_CFG] if init_cfg is None else init_cfg)
        self.out_indices = _check_out_indices(out_indices)
        self.stem = stem
        channels = STEM_CHANNELS
        for name, stage_stride, stage in zip(STAGES, STRIDES, widths):
            blocks = []
            for i, width in enumerate(stage):
                blocks.append(block(channels, width, 1 if i else stage_stride))
                channels = width
            self.add_module(name, nn.Sequential(*blocks))
        self.last_norm: nn.Module = nn.Identity()
        if last_norm:
            self.last_norm = nn.Sequential(
                nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
            )

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
        for i, name in enumerate(STAGES):
            x = getattr(self, name)(x)
            if i in self.out_indices:
                outs.append(self.last_norm(x) if i == 2 else x)
        return tuple(outs)


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with padding and no bias."""
    return nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)


def pad_channels(x: Tensor, extra: int) -> Tensor:
    """Append ``extra`` zero channels to (B, C, H, W)."""
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
            f'({examples}, ...), got {shown(depth)}.'
        )
    return (depth - rest) // step


def _check_out_indices(out_indices: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(out_indices, int):
        out_indices = (out_indices,)
    if (
        not isinstance(out_indices, (list, tuple))
        or not out_indices
        or not all(isinstance(i, int) and -3 <= i <= 2 for i in out_indices)
    ):
        raise ValueError(
            'out_indices must name stages 0, 1, 2 (or -3 to -1 '
            f'from the end), got {shown(out_indices)}.'
        )
    return tuple(sorted({i % 3 for i in out_indices}))
