"""RoIAlign by torchvision, RoIPool in PyTorch.

Regions are (K, 5): the image's index in the batch, then x1, y1, x2, y2 in
pixels of the image; ``spatial_scale`` takes them to the feature map.
"""

import torch
import torchvision
from torch import Tensor

from ._common import operator, widen

# Elements that RoIPool gathers at once: 64 MB in float32.
GATHERED = 1 << 24


@operator
def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the average (pool_mode 1) or maximum (0) of each bin's samples.

    For the maximum, ``argmax_y`` and ``argmax_x`` get the row and the column of
    the best sample in its bin's grid. (mmcv keeps its coordinates instead, for
    the same purpose: the backward.)
    """
    size = (aligned_height, aligned_width)
    (wide,) = widen(input)
    wide_rois = rois.to(wide)
    if pool_mode == 1:
        output.copy_(
            torchvision.ops.roi_align(
                wide, wide_rois, size, spatial_scale, sampling_ratio, aligned
            )
        )
        return
    # mmcv's value for a region without samples.
    output.fill_(-10000)
    for index, grid in _grids(wide_rois, size, spatial_scale, sampling_ratio, aligned):
        samples = torchvision.ops.roi_align(
            wide,
            wide_rois[index],
            (size[0] * grid[0], size[1] * grid[1]),
            spatial_scale,
            1,
            aligned,
        )
        # (K, C, bins, samples of a bin)
        samples = samples.unflatten(3, (-1, grid[1])).unflatten(2, (-1, grid[0]))
        best, place = samples.transpose(3, 4).flatten(4).max(-1)
        output[index] = best.to(output.dtype)
        argmax_y[index] = (place // grid[1]).to(argmax_y.dtype)
        argmax_x[index] = (place % grid[1]).to(argmax_x.dtype)


@operator
def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Write the gradient with respect to the input to ``grad_input``."""
    size = (aligned_height, aligned_width)
    (grad,) = widen(grad_output)
    rois = rois.to(grad)

    def backward(grad, rois, sampling_ratio):
        return torch.ops.torchvision._roi_align_backward(
            grad.contiguous(),
            rois,
            spatial_scale,
            *grad.shape[2:],
            *grad_input.shape,
            sampling_ratio,
            aligned,
        )

    if pool_mode == 1:
        grad_input.copy_(backward(grad, rois, sampling_ratio))
        return
    total = torch.zeros_like(widen(grad_input)[0])
    for index, grid in _grids(rois, size, spatial_scale, sampling_ratio, aligned):
        place = argmax_y[index].long() * grid[1] + argmax_x[index].long()
        samples = grad.new_zeros(*place.shape, grid[0] * grid[1])
        samples.scatter_(-1, place[..., None], grad[index][..., None])
        samples = samples.unflatten(-1, grid).transpose(3, 4)
        samples = samples.flatten(4, 5).flatten(2, 3)
        total += backward(samples, rois[index], 1)
    grad_input.copy_(total)


def _grids(rois, size, spatial_scale, sampling_ratio, aligned):
    """Yield (indices of regions, (rows, columns) of samples that a bin has).

    ``sampling_ratio`` of them, or by the size of the region where it is 0.
    """
    if sampling_ratio > 0:
        grids = torch.full((len(rois), 2), sampling_ratio)
    else:
        extent = rois[:, 3:] * spatial_scale - rois[:, 1:3] * spatial_scale
        if not aligned:
            extent = extent.clamp(min=1)
        grids = (extent.flip(1) / extent.new_tensor(size)).ceil().long().cpu()
    for grid in grids.unique(dim=0):
        if grid.min() > 0:
            index = (grids == grid).all(1).nonzero()[:, 0].to(rois.device)
            yield index, tuple(grid.tolist())


@operator
def roi_pool_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Write the maximum of each bin and its place y * W + x (-1: empty bin).

    mmcv's bins: pixels floor(start) to ceil(end) of equal parts of the region
    ((x1, y1) to (x2 + 1, y2 + 1), scaled, not rounded), so that bins may share
    pixels. An empty bin gives 0; a region without area is not written.
    """
    (wide,) = widen(input)
    rois = rois.to(wide)
    height, width = input.shape[2:]
    y_first, y_last = _bins(rois[:, 2::2], pooled_height, spatial_scale, height)
    x_first, x_last = _bins(rois[:, 1::2], pooled_width, spatial_scale, width)
    flat = wide.flatten(2)
    area = (rois[:, 3:] + 1 - rois[:, 1:3]) * spatial_scale
    regions = (area > 0).all(1).nonzero()[:, 0]
    # Every bin reads as many pixels as the largest one; those beyond its own
    # end repeat its last, which does not change the maximum.
    rows = int((y_last - y_first).max()) if len(regions) else 0
    columns = int((x_last - x_first).max()) if len(regions) else 0
    if rows <= 0 or columns <= 0:
        return
    each = input.size(1) * pooled_height * pooled_width * rows * columns
    for some in regions.split(max(GATHERED // each, 1)):
        y = y_first[some, :, None] + torch.arange(rows, device=rois.device)
        x = x_first[some, :, None] + torch.arange(columns, device=rois.device)
        y = torch.minimum(y, y_last[some, :, None] - 1)
        x = torch.minimum(x, x_last[some, :, None] - 1)
        # (regions, bins down, bins across, rows, columns)
        place = y[:, :, None, :, None] * width + x[:, None, :, None, :]
        empty = (y_last <= y_first)[some, :, None] | (x_last <= x_first)[some, None]
        place = place.clamp(min=0).flatten(3)
        batch = rois[some, 0].long()
        values = flat[batch[:, None, None, None], :, place]
        best, which = values.max(3)
        place = place[..., None].expand_as(values).gather(3, which[:, :, :, None])
        best = best.masked_fill(empty[..., None], 0)
        place = place[:, :, :, 0].masked_fill(empty[..., None], -1)
        output[some] = best.permute(0, 3, 1, 2).to(output.dtype)
        argmax[some] = place.permute(0, 3, 1, 2).to(argmax.dtype)


def _bins(ends, count, scale, limit) -> tuple[Tensor, Tensor]:
    """First and one past the last pixel of each of ``count`` bins, (K, count)."""
    start = ends[:, :1] * scale
    step = ((ends[:, 1:] + 1) * scale - start) / count
    number = torch.arange(count + 1, device=ends.device).to(ends)
    edges = number * step + start
    first = edges[:, :-1].floor().clamp(0, limit).long()
    last = edges[:, 1:].ceil().clamp(0, limit).long()
    return first, last


@operator
def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Add each bin's gradient to the pixel that it was the maximum of."""
    channels, pixels = grad_input.size(1), grad_input[0, 0].numel()
    (grad,) = widen(grad_output)
    total = grad.new_zeros(grad_input.numel())
    plane = rois[:, :1].long() * channels
    plane = plane + torch.arange(channels, device=rois.device)
    place = plane[:, :, None, None] * pixels + argmax
    chosen = argmax >= 0
    total.index_add_(0, place[chosen], grad[chosen])
    grad_input.add_(total.view_as(grad_input).to(grad_input.dtype))
