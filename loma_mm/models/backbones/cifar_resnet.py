from collections.abc import Sequence
from functools import partial

from mmengine.registry import MODELS
from torch import Tensor, nn

from loma_mm.checks import check_count

from .three_stage import (
    STEM_CHANNELS,
    ResidualBlock,
    ThreeStageNet,
    blocks_per_stage,
    conv3x3,
    pad_channels,
)


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions and a shortcut without parameters (option A).

    Args:
        in_channels (int): Channels of the input.
        out_channels (int): Channels of the output, not fewer.
        stride (int): Stride of the first convolution. Defaults to 1.
        with_cp (bool): See :class:`CIFARResNet`. Defaults to False.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        with_cp: bool = False,
    ) -> None:
        super().__init__(with_cp)
        self.stride = stride
        self.extra_channels = out_channels - in_channels
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.norm1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.norm2 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)

    def _forward(self, x: Tensor) -> Tensor:
        out = self.relu(self.norm1(self.conv1(x)))
        out = self.norm2(self.conv2(out))
        shortcut = x[..., :: self.stride, :: self.stride]
        return self.relu(out + pad_channels(shortcut, self.extra_channels))


@MODELS.register_module()
class CIFARResNet(ThreeStageNet):
    """The residual network of He et al. for CIFAR: ResNet-20, -32, -56, ...

    Source: `Deep Residual Learning for Image Recognition
    <https://arxiv.org/abs/1512.03385>`_, Sec 4.2. A 3x3 stem and three
    stages of n basic blocks with 16, 32 and 64 channels; shortcuts have no
    parameters (option A: every second pixel, zeros in the new channels).
    ResNet-20 has 0.27 M parameters. It is another network than mmpretrain's
    ``ResNet_CIFAR``, which is the ImageNet one with a small stem.

    Args:
        depth (int): Number of layers, 6n + 2. Defaults to 20.
        in_channels (int): Channels of the images. Defaults to 3.
        out_indices (Sequence[int] | int): Stages to return, from 0 to 2.
            Defaults to (2, ).
        with_cp (bool): Recompute blocks in the backward pass to save memory.
            Defaults to False.
        init_cfg (dict | list, optional): Initialisation. Defaults to None:
            Kaiming (fan out) for convolutions.

    Raises:
        ValueError: If ``depth`` is not 6n + 2, ``in_channels`` is not a
            positive integer, or a stage does not exist.

    Example:
        >>> import torch
        >>> from loma_mm import CIFARResNet
        >>> net = CIFARResNet(depth=20, out_indices=(0, 1, 2))
        >>> [tuple(x.shape) for x in net(torch.rand(1, 3, 32, 32))]
        [(1, 16, 32, 32), (1, 32, 16, 16), (1, 64, 8, 8)]
    """

    def __init__(
        self,
        depth: int = 20,
        in_channels: int = 3,
        out_indices: int | Sequence[int] = (2,),
        with_cp: bool = False,
        init_cfg=None,
    ) -> None:
        num_blocks = blocks_per_stage('CIFARResNet', depth, 2, rest=2)
        check_count('in_channels', in_channels, 1)
        super().__init__(
            nn.Sequential(
                conv3x3(in_channels, STEM_CHANNELS),
                nn.BatchNorm2d(STEM_CHANNELS),
                nn.ReLU(inplace=True),
            ),
            partial(BasicBlock, with_cp=with_cp),
            [[width] * num_blocks for width in (16, 32, 64)],
            out_indices=out_indices,
            init_cfg=init_cfg,
        )
        self.depth = depth
