from collections.abc import Sequence
from functools import partial

from mmengine.registry import MODELS
from torch import Tensor, nn

from loma_mm.checks import check_count, check_prob

from .three_stage import (
    STEM_CHANNELS,
    ResidualBlock,
    ThreeStageNet,
    blocks_per_stage,
    conv3x3,
)


class PreActBlock(ResidualBlock):
    """Norm, ReLU, convolution, twice; a 1x1 convolution where widths change.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output.
        stride (int): Stride of the first convolution. Defaults to 1.
        drop_rate (float): Dropout between the convolutions. Defaults to 0.0.
        with_cp (bool): See :class:`WideResNet`. Defaults to False.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        drop_rate: float = 0.0,
        with_cp: bool = False,
    ) -> None:
        super().__init__(with_cp)
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout(drop_rate)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None
        if in_channels != out_channels or stride != 1:
            self.shortcut = nn.Conv2d(
                in_channels, out_channels, 1, stride=stride, bias=False
            )

    def _forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.norm1(x))
        # Where the width changes, both branches start from the activated
        # input, as in the authors' code.
        shortcut = x if self.shortcut is None else self.shortcut(out)
        out = self.relu(self.norm2(self.conv1(out)))
        return shortcut + self.conv2(self.dropout(out))


@MODELS.register_module()
class WideResNet(ThreeStageNet):
    """Wide residual network, WRN-28-10 by default.

    Source: `Wide Residual Networks <https://arxiv.org/abs/1605.07146>`_,
    Table 1. Pre-activation basic blocks with 16k, 32k and 64k channels; a
    last norm and ReLU follow ``layer3``. WRN-28-10 has 36.5 M parameters.

    Args:
        depth (int): Number of convolutions, 6n + 4. Defaults to 28.
        widen_factor (int): The factor k on the widths. Defaults to 10.
        drop_rate (float): Dropout probability inside the blocks.
            Defaults to 0.0.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (Sequence[int] | int): Stages to return, from 0 to 2.
            Defaults to (2, ).
        with_cp (bool): Recompute blocks in the backward pass to save memory.
            Defaults to False.
        init_cfg (dict | list, optional): Initialisation. Defaults to None:
            Kaiming (fan out) for convolutions.

    Raises:
        ValueError: If ``depth`` is not 6n + 4, ``widen_factor`` or
            ``in_channels`` is not a positive integer, ``drop_rate`` is not in
            [0, 1], or a stage does not exist.

    Example:
        >>> import torch
        >>> from loma_mm import WideResNet
        >>> net = WideResNet(depth=16, widen_factor=2)
        >>> net(torch.rand(1, 3, 32, 32))[-1].shape
        torch.Size([1, 128, 8, 8])
    """

    def __init__(
        self,
        depth: int = 28,
        widen_factor: int = 10,
        drop_rate: float = 0.0,
        in_channels: int = 3,
        out_indices: int | Sequence[int] = (2,),
        with_cp: bool = False,
        init_cfg=None,
    ) -> None:
        num_blocks = blocks_per_stage('WideResNet', depth, 2, rest=4)
        check_count('widen_factor', widen_factor, 1)
        check_count('in_channels', in_channels, 1)
        super().__init__(
            conv3x3(in_channels, STEM_CHANNELS),
            partial(
                PreActBlock,
                drop_rate=check_prob(drop_rate, 'drop_rate'),
                with_cp=with_cp,
            ),
            [[width * widen_factor] * num_blocks for width in (16, 32, 64)],
            last_norm=True,
            out_indices=out_indices,
            init_cfg=init_cfg,
        )
        self.depth = depth
        self.widen_factor = widen_factor
