"""Sigmoid focal loss by torchvision."""

import torch
import torchvision
from torch import Tensor

from ._common import operator, widen


@operator
def sigmoid_focal_loss_forward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    output: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the loss of logits (N, C) and classes (N,) to ``output`` (N, C).

    A class of C is the background. ``weight`` (C,) scales the rows of each
    class; an empty one scales nothing, and the background has weight 1.
    """
    (logits,) = widen(input)
    output.copy_(_loss(logits, target, weight, gamma, alpha))


@operator
def sigmoid_focal_loss_backward(
    input: Tensor,
    target: Tensor,
    weight: Tensor,
    grad_input: Tensor,
    gamma: float,
    alpha: float,
) -> None:
    """Write the gradient of the losses' sum to ``grad_input`` (N, C)."""
    with torch.enable_grad():
        logits = widen(input.detach())[0].requires_grad_()
        loss = _loss(logits, target, weight, gamma, alpha).sum()
    grad_input.copy_(torch.autograd.grad(loss, logits)[0])


def _loss(logits, target, weight, gamma, alpha) -> Tensor:
    classes = torch.arange(logits.size(1), device=logits.device)
    loss = torchvision.ops.sigmoid_focal_loss(
        logits, (target[:, None] == classes).to(logits), alpha, gamma
    )
    if weight.numel():
        # mmcv reads beyond the weights for the background; we do not.
        weight = torch.cat([weight.to(loss), weight.new_ones(1).to(loss)])
        loss = loss * weight[target, None]
    return loss
