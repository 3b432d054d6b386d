"""Runs mmcv's operators on small inputs; writes what compiled ones give.

    python tests/data/make_mmcv_ops.py   # needs a compiled mmcv

writes ``mmcv_ops.pt``: for each program its inputs and its results. The suite
runs the same programs with the operators of ``loma_mm.mmcv_ops``.
"""

from pathlib import Path

import torch

STORED = Path(__file__).with_name('mmcv_ops.pt')


def nms(ops, boxes, scores, offset):
    return [ops.nms(boxes, scores, iou_threshold=0.5, offset=offset)]


def softnms(ops, boxes, scores, method, offset):
    dets = torch.zeros(len(boxes), 5)
    index = ops.softnms(
        boxes,
        scores,
        dets,
        iou_threshold=0.3,
        sigma=0.5,
        min_score=0.05,
        method=method,
        offset=offset,
    )
    return [index, dets[: len(index)]]


def nms_match(ops, dets):
    # Groups of different lengths, each closed by -1.
    groups = ops.nms_match(dets, iou_threshold=0.4)
    return [torch.tensor([i for group in groups for i in (*group, -1)])]


def bbox_overlaps(ops, first, second, mode, aligned, offset):
    shape = [len(first)] if aligned else [len(first), len(second)]
    ious = torch.zeros(shape)
    ops.bbox_overlaps(first, second, ious, mode=mode, aligned=aligned, offset=offset)
    return [ious]


def roi_align(ops, x, rois, grad, **settings):
    settings |= dict(aligned_height=grad.size(2), aligned_width=grad.size(3))
    output, argmax_y, argmax_x = (torch.zeros_like(grad) for _ in range(3))
    ops.roi_align_forward(x, rois, output, argmax_y, argmax_x, **settings)
    grad_input = torch.zeros_like(x)
    ops.roi_align_backward(grad, rois, argmax_y, argmax_x, grad_input, **settings)
    return [output, grad_input]


GEOMETRY = dict(kW=3, kH=3, dW=1, dH=2, padW=2, padH=1, dilationW=2, dilationH=1)


def deform_conv(ops, x, offset, weight, grad, **settings):
    settings |= GEOMETRY | dict(im2col_step=len(x))
    output, grad_x = torch.zeros_like(grad), torch.zeros_like(x)
    grad_offset, grad_weight = torch.zeros_like(offset), torch.zeros_like(weight)
    columns, ones = x.new_empty(0), x.new_empty(0)
    ops.deform_conv_forward(x, weight, offset, output, columns, ones, **settings)
    ops.deform_conv_backward_input(
        x, offset, grad, grad_x, grad_offset, weight, columns, **settings
    )
    ops.deform_conv_backward_parameters(
        x, offset, grad, grad_weight, columns, ones, scale=1, **settings
    )
    return [output, grad_x, grad_offset, grad_weight]


def modulated_deform_conv(ops, x, offset, mask, weight, bias, grad, **settings):
    settings |= dict(kernel_h=3, kernel_w=3, stride_h=2, stride_w=1, pad_h=1, pad_w=2)
    settings |= dict(dilation_h=1, dilation_w=2, with_bias=bias.numel() > 0)
    output = torch.zeros_like(grad)
    columns, ones = x.new_empty(0), x.new_empty(0)
    ops.modulated_deform_conv_forward(
        x, weight, bias, ones, offset, mask, output, columns, **settings
    )
    grads = [torch.zeros_like(t) for t in (x, weight, bias, offset, mask)]
    ops.modulated_deform_conv_backward(
        x, weight, bias, ones, offset, mask, columns, *grads, grad, **settings
    )
    return [output, *grads]


PROGRAMS = {
    program.__name__: program
    for program in (
        nms,
        softnms,
        nms_match,
        bbox_overlaps,
        roi_align,
        deform_conv,
        modulated_deform_conv,
    )
}


def make_boxes(count):
    corner = torch.rand(count, 2) * 60
    return torch.cat([corner, corner + torch.rand(count, 2) * 25], 1)


def make_cases(seed):
    """Yield (name of a program, its tensors, its settings)."""
    torch.manual_seed(seed)
    for offset in (0, 1):
        boxes = make_boxes(40)
        if offset:  # pixels, as offset=1 is meant
            boxes = boxes.round()
        distinct, tied = torch.rand(40), (torch.rand(40) * 10).round() / 10
        yield 'nms', [boxes, distinct], dict(offset=offset)
        yield 'nms', [boxes[:0], distinct[:0]], dict(offset=offset)
        for method in (0, 1, 2):
            settings = dict(method=method, offset=offset)
            yield 'softnms', [boxes, tied], settings
        for mode in (0, 1):
            for aligned in (False, True):
                settings = dict(mode=mode, aligned=aligned, offset=offset)
                yield 'bbox_overlaps', [boxes[:12], boxes[12:24]], settings
        yield 'nms_match', [torch.cat([boxes, distinct[:, None]], 1)], {}
    for pool_mode in (0, 1):
        for aligned in (False, True):
            for sampling_ratio in (0, 2):
                index = torch.randint(0, 2, (6, 1)).float()
                rois = torch.cat([index, make_boxes(6) - 5], 1)
                rois[0, 3:] = rois[0, 1:3]  # without area
                settings = dict(spatial_scale=0.2, sampling_ratio=sampling_ratio)
                settings |= dict(pool_mode=pool_mode, aligned=aligned)
                tensors = torch.randn(2, 2, 12, 10), rois, torch.randn(6, 2, 3, 2)
                yield 'roi_align', [*tensors], settings
    for group, deformable_group in ((1, 1), (2, 1), (1, 2)):
        settings = dict(group=group, deformable_group=deformable_group)
        x, grad = torch.randn(2, 4, 5, 4), torch.randn(2, 2, 3, 4)
        offset = torch.randn(2, deformable_group * 18, 3, 4) * 2
        weight = torch.randn(2, 4 // group, 3, 3)
        yield 'deform_conv', [x, offset, weight, grad], settings
        mask = torch.rand(2, deformable_group * 9, 3, 4)
        for bias in (torch.randn(2), torch.zeros(0)):
            tensors = [x, offset, mask, weight, bias, grad]
            yield 'modulated_deform_conv', tensors, settings


if __name__ == '__main__':
    from mmcv import _ext

    torch.save(
        [
            (name, tensors, settings, PROGRAMS[name](_ext, *tensors, **settings))
            for name, tensors, settings in make_cases(0)
        ],
        STORED,
    )
