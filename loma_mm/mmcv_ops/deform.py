"""Deformable convolution, v1 and v2, by torchvision.

The layouts of offsets and masks are the same in mmcv and torchvision.
"""

import torch
import torchvision
from torch import Tensor

from ._common import operator, widen


@operator
def deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    columns: Tensor,
    ones: Tensor,
    **settings: int,
) -> None:
    """Write the convolution of ``input`` (B, C, H, W) to ``output``."""
    output.copy_(_forward(input, weight, offset, None, None, _v1(settings)))


@operator
def deform_conv_backward_input(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,  # noqa: N803
    gradInput: Tensor,  # noqa: N803
    gradOffset: Tensor,  # noqa: N803
    weight: Tensor,
    columns: Tensor,
    **settings: int,
) -> None:
    """Write the gradients with respect to the input and the offsets."""
    grads = _backward(gradOutput, input, weight, offset, None, _v1(settings))
    gradInput.copy_(grads[0])
    gradOffset.copy_(grads[2])


@operator
def deform_conv_backward_parameters(
    input: Tensor,
    offset: Tensor,
    gradOutput: Tensor,  # noqa: N803
    gradWeight: Tensor,  # noqa: N803
    columns: Tensor,
    ones: Tensor,
    *,
    scale: float,
    **settings: int,
) -> None:
    """Add ``scale`` times the gradient with respect to the weight."""
    # Only the weight's shape enters its gradient.
    weight = torch.zeros_like(gradWeight)
    grads = _backward(gradOutput, input, weight, offset, None, _v1(settings))
    gradWeight.add_(grads[1].to(gradWeight.dtype), alpha=scale)


@operator
def modulated_deform_conv_forward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    *,
    with_bias: bool,
    **settings: int,
) -> None:
    """Write the convolution of ``input`` (B, C, H, W) to ``output``."""
    used = bias if with_bias else None
    output.copy_(_forward(input, weight, offset, mask, used, _v2(settings)))


@operator
def modulated_deform_conv_backward(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    *,
    with_bias: bool,
    **settings: int,
) -> None:
    """Write all five gradients, the bias's if there is a bias."""
    grads = _backward(grad_output, input, weight, offset, mask, _v2(settings))
    targets = [grad_input, grad_weight, grad_offset, grad_mask]
    if with_bias:
        targets.append(grad_bias)
    for target, grad in zip(targets, grads):
        target.copy_(grad)


def _v1(settings: dict[str, int]) -> dict:
    """torchvision's stride, padding, dilation and groups from v1's settings."""
    return dict(
        stride=(settings['dH'], settings['dW']),
        padding=(settings['padH'], settings['padW']),
        dilation=(settings['dilationH'], settings['dilationW']),
        groups=(settings['group'], settings['deformable_group']),
    )


def _v2(settings: dict[str, int]) -> dict:
    """The same from v2's settings, which have other names."""
    return dict(
        stride=(settings['stride_h'], settings['stride_w']),
        padding=(settings['pad_h'], settings['pad_w']),
        dilation=(settings['dilation_h'], settings['dilation_w']),
        groups=(settings['group'], settings['deformable_group']),
    )


def _forward(input, weight, offset, mask, bias, settings) -> Tensor:
    input, weight, offset = widen(input, weight, offset)
    return torchvision.ops.deform_conv2d(
        input,
        offset,
        weight,
        bias=None if bias is None else bias.to(input),
        stride=settings['stride'],
        padding=settings['padding'],
        dilation=settings['dilation'],
        mask=None if mask is None else mask.to(input),
    )


def _backward(grad, input, weight, offset, mask, settings) -> tuple[Tensor, ...]:
    """Gradients of input, weight, offset, mask and bias."""
    grad, input, weight, offset = widen(grad, input, weight, offset)
    no_mask = input.new_zeros(input.size(0), 1)
    return torch.ops.torchvision._deform_conv2d_backward(
        grad,
        input,
        weight,
        offset,
        no_mask if mask is None else mask.to(input),
        input.new_zeros(weight.size(0)),
        *settings['stride'],
        *settings['padding'],
        *settings['dilation'],
        *settings['groups'],
        mask is not None,
    )
