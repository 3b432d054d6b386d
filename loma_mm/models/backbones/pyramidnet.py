import math
from collections.abc import Sequence
from functools import partial

from mmengine.registry import MODELS
from torch import Tensor, nn

from loma_mm.checks import check_count
from loma_mm.names import shown

from .three_stage import (
    STEM_CHANNELS,
    ResidualBlock,
    ThreeStageNet,
    blocks_per_stage,
    conv3x3,
    pad_channels,
)


class PyramidBottleneck(ResidualBlock):
    """Bottleneck of PyramidNet: norms around each convolution, two ReLUs.

    The shortcut has no parameters: average pooling for the stride, zeros in
    the new channels.

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output, four times those of the
            3x3 convolution.
        stride (int): Stride of the 3x3 convolution. Defaults to 1.
        with_cp (bool): See :class:`PyramidNet`. Defaults to False.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        with_cp: bool = False,
    ) -> None:
        super().__init__(with_cp)
        width = out_channels // self.expansion
        self.extra_channels = out_channels - in_channels
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride)
        self.norm3 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.norm4 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        # ceil_mode: odd sizes round up as the strided convolution does
        self.pool = (
            nn.Identity() if stride == 1 else nn.AvgPool2d(stride, ceil_mode=True)
        )

    def _forward(self, x: Tensor) -> Tensor:
        out = self.conv1(self.norm1(x))
        out = self.conv2(self.relu(self.norm2(out)))
        out = self.conv3(self.relu(self.norm3(out)))
        return self.norm4(out) + pad_channels(self.pool(x), self.extra_channels)


@MODELS.register_module()
class PyramidNet(ThreeStageNet):
    """Deep pyramidal residual network with bottlenecks, for CIFAR.

    Source: `Deep Pyramidal Residual Networks
    <https://arxiv.org/abs/1610.02915>`_, additive widening (Eq 2), rounded
    to the nearest integer as the authors' code does: the width grows by
    alpha / N at each of the N blocks, from 16 to 16 + alpha. A last norm and
    ReLU follow ``layer3``. PyramidNet-200 with alpha 240 has 26.8 M
    parameters; CutMix and LOMA train it on CIFAR.

    Args:
        depth (int): Number of layers, 9n + 2. Defaults to 200.
        alpha (int): The widening factor. Defaults to 240.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (Sequence[int] | int): Stages to return, from 0 to 2.
            Defaults to (2, ).
        with_cp (bool): Recompute blocks in the backward pass to save memory.
            Defaults to False.
        init_cfg (dict | list, optional): Initialisation. Defaults to None:
            Kaiming (fan out) for convolutions.

    Raises:
        ValueError: If ``depth`` is not 9n + 2, ``alpha`` is not a number >= 0,
            ``in_channels`` is not a positive integer, or a stage does not
            exist.

    Example:
        >>> import torch
        >>> from loma_mm import PyramidNet
        >>> net = PyramidNet(depth=29, alpha=24)
        >>> net(torch.rand(1, 3, 32, 32))[-1].shape
        torch.Size([1, 160, 8, 8])
    """

    def __init__(
        self,
        depth: int = 200,
        alpha: int = 240,
        in_channels: int = 3,
        out_indices: int | Sequence[int] = (2,),
        with_cp: bool = False,
        init_cfg=None,
    ) -> None:
        num_blocks = blocks_per_stage('PyramidNet', depth, 3, rest=2)
        if not isinstance(alpha, (int, float)) or not 0 <= alpha < math.inf:
            raise ValueError(f'alpha must be a number >= 0, got {shown(alpha)}.')
        check_count('in_channels', in_channels, 1)
        widths = [
            PyramidBottleneck.expansion
            * round(STEM_CHANNELS + alpha * index / (3 * num_blocks))
            for index in range(1, 3 * num_blocks + 1)
        ]
        super().__init__(
            nn.Sequential(
                conv3x3(in_channels, STEM_CHANNELS), nn.BatchNorm2d(STEM_CHANNELS)
            ),
            partial(PyramidBottleneck, with_cp=with_cp),
            [widths[i * num_blocks : (i + 1) * num_blocks] for i in range(3)],
            last_norm=True,
            out_indices=out_indices,
            init_cfg=init_cfg,
        )
        self.depth = depth
        self.alpha = alpha
