"""nms, soft-nms, nms_match and overlaps of axis-aligned boxes."""

import numpy as np
import torch
import torchvision
from torch import Tensor

from ._common import operator, widen


@operator
def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Indices (K,) of the boxes (N, 4) to keep, best score first.

    Sorted by the call that mmcv sorts with, so that ties come in its order;
    torchvision's own sort is stable and changes nothing then. With ``offset=1``
    (a box includes its last pixel) results equal mmcv's but for the rounding of
    an overlap that equals the threshold.
    """
    if boxes.numel() == 0:
        return torch.empty(0, dtype=torch.long, device=boxes.device)
    scores, order = scores.sort(0, descending=True)
    (boxes,) = widen(boxes[order])
    if offset:
        boxes = boxes + boxes.new_tensor([0, 0, offset, offset])
    keep = torchvision.ops.nms(boxes, scores.to(boxes), _in_float32(iou_threshold))
    return order[keep]


@operator
def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Write the kept boxes with their new scores to ``dets`` (N, 5), on the CPU.

    Returns:
        Their indices (K,); rows of ``dets`` from K on have no meaning.
    """
    table = torch.cat([boxes, scores[:, None]], 1).float().numpy()
    index: np.ndarray = np.arange(len(table))
    threshold, lowest = np.float32(iou_threshold), np.float32(min_score)
    first = 0
    while first < len(table):
        best = first + int(table[first:, 4].argmax())
        table[[first, best]] = table[[best, first]]
        index[[first, best]] = index[[best, first]]
        first += 1
        rest = table[first:]
        overlap = _overlaps(table[first - 1], rest, offset)
        if method == 2:
            # C's expf is exp rounded once; NumPy's in float32 is not.
            power = -(overlap * overlap) / np.float32(sigma)
            weight = np.exp(power, dtype=np.float64).astype(np.float32)
        else:
            weight = np.where(overlap >= threshold, (1 - overlap) * method, 1)
        rest[:, 4] *= weight
        # mmcv fills the place of a box that goes with the last that stays,
        # which decides about later ties.
        kept = ~(rest[:, 4] < lowest)
        count = kept.sum()
        holes = first + np.flatnonzero(~kept[:count])
        fillers = first + count + np.flatnonzero(kept[count:])[::-1]
        table[holes], index[holes] = table[fillers], index[fillers]
        table, index = table[: first + count], index[: first + count]
    dets[: len(table)] = torch.from_numpy(table)
    return torch.from_numpy(index)


@operator
def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Groups of indices of ``dets`` (N, 5): each kept box, then those it drops."""
    order = dets[:, 4].sort(0, descending=True)[1].cpu().numpy()
    table = dets.float().cpu().numpy()
    groups = []
    while len(order):
        best, order = order[0], order[1:]
        dropped = _overlaps(table[best], table[order], 0) >= np.float32(iou_threshold)
        groups.append([int(best), *order[dropped].tolist()])
        order = order[~dropped]
    return groups


@operator
def bbox_overlaps(
    bboxes1: Tensor,
    bboxes2: Tensor,
    ious: Tensor,
    mode: int,
    aligned: bool,
    offset: int,
) -> None:
    """Write IoU (mode 0) or IoF (mode 1) to ``ious``."""
    # Ours is imported before mmcv.ops is.
    from mmcv.ops.bbox import _bbox_overlaps_cpu

    first, second = widen(bboxes1, bboxes2)
    name = ('iou', 'iof')[mode]
    ious.copy_(_bbox_overlaps_cpu(first, second, name, aligned, offset))


def _overlaps(box: np.ndarray, others: np.ndarray, offset: int) -> np.ndarray:
    """IoU of one box with others, in float32, in the order that mmcv computes."""
    extent = np.minimum(box[2:4], others[:, 2:4]) - np.maximum(box[:2], others[:, :2])
    width, height = np.maximum(extent + offset, 0).T
    area = (box[2] - box[0] + offset) * (box[3] - box[1] + offset)
    areas = (others[:, 2] - others[:, 0] + offset) * (
        others[:, 3] - others[:, 1] + offset
    )
    overlap = width * height
    # Two boxes without area: 0/0, which is beyond no threshold.
    with np.errstate(invalid='ignore', divide='ignore'):
        return overlap / (area + areas - overlap)


def _in_float32(threshold: float) -> float:
    """mmcv compares in float32: 0.6 itself is no overlap beyond 0.6 there."""
    return float(np.float32(threshold))
