"""Multi-scale deformable attention by mmcv's own PyTorch form.

mmcv uses that form by itself on a CPU and calls its extension on a GPU.
"""

import torch
from torch import Tensor

from ._common import operator, widen


@operator
def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """The attended values (B, queries, heads * channels)."""
    inputs = widen(value, sampling_locations, attention_weights)
    return _attend(value_spatial_shapes, *inputs).to(value.dtype)


@operator
def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Write the gradients of values, locations and weights."""
    with torch.enable_grad():
        inputs = [
            t.detach().requires_grad_()
            for t in widen(value, sampling_locations, attention_weights)
        ]
        output = _attend(value_spatial_shapes, *inputs)
    grads = torch.autograd.grad(output, inputs, grad_output.to(output.dtype))
    targets = (grad_value, grad_sampling_loc, grad_attn_weight)
    for target, grad in zip(targets, grads):
        target.copy_(grad)


def _attend(spatial_shapes, value, locations, weights) -> Tensor:
    # Ours is imported before mmcv.ops is.
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    # As a list: one wait for the GPU instead of one for each number.
    return multi_scale_deformable_attn_pytorch(
        value, spatial_shapes.tolist(), locations, weights
    )
