"""How the labels of a sample follow its pixels: ``labels='warp'``.

Which fields are labels is in :mod:`.label_fields`.
"""

from typing import Any

import numpy as np

from loma_mm.functional import (
    MagnificationRegion,
    magnify_boxes,
    magnify_image,
    magnify_points,
)

from .label_fields import IMAGE_KEYS, check_labels, dense_keys, entries, is_a

# What MMPose stores of each instance beside 'bbox*' and 'keypoints*'.
POSE_INSTANCE_KEYS = (
    *('area', 'category_id', 'head_size', 'num_keypoints'),
    *('id', 'iscrowd', 'track_id', 'raw_ann_info'),
)


def warp_labels(results: dict, region: MagnificationRegion | None) -> dict:
    """The fields of a sample that change with the pixels of its image.

    Args:
        results (dict): A sample. Neither it nor an array of it is written to.
        region (MagnificationRegion, optional): The region by which
            ``results['img']`` is magnified, or None where it is not.

    Returns:
        dict: New values of fields of ``results``. An instance that vanished
        is left out of all of its fields.

    Raises:
        LabelError: If a field is of a type or size that cannot be moved, or
            has geometry and is not known.
    """
    check_labels(results)
    new: dict[str, Any] = {}
    # Touched or not, so that what a sample has is no matter of chance.
    masks = results.get('gt_masks')
    if masks is not None and is_a(masks, 'PolygonMasks'):
        bitmaps = masks.to_bitmap()
        # OpenCV, by which MMDetection pads and resizes bitmaps, takes no bool.
        bitmaps.masks = bitmaps.masks.astype(np.uint8)
        new['gt_masks'] = bitmaps
    key = _pose_key(results)
    if results.get(key) is not None and results.get('keypoints_visible') is None:
        new['keypoints_visible'] = np.ones(results[key].shape[:-1], np.float32)
    for points in ('gt_keypoints', key):
        # Where a point goes is seldom a whole number.
        if getattr(getattr(results.get(points), 'dtype', None), 'kind', 'f') in 'iu':
            new[points] = results[points].astype(np.float64)
    if region is None:
        return new
    size = results['img'].shape[:2]
    for key in dense_keys(results):
        if results.get(key) is not None:
            new[key] = magnify_image(results[key], region)
    new |= _warp_instances({**results, **new}, region, size)
    new |= _warp_proposals(results, region, size)
    new |= _warp_poses({**results, **new}, region, size)
    return new


def _warp_instances(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    """The instances of mmcv, MMDetection and MMYOLO: ``gt_*``."""
    new, kept = {}, None
    if results.get('gt_bboxes') is not None:
        new['gt_bboxes'], kept = _warp_boxes(results['gt_bboxes'], region, size)
    if results.get('gt_masks') is not None:
        masks = results['gt_masks']
        warped = [magnify_image(mask, region) for mask in masks.masks]
        new['gt_masks'] = type(masks)(warped, *size)
        # One that was empty before, as some crowds are, stays with its box.
        left = np.array(
            [a.any() or not b.any() for a, b in zip(warped, masks.masks)], bool
        )
        if kept is None:
            kept = left
        elif len(left) == len(kept):
            kept = kept & left
    if results.get('gt_keypoints') is not None:
        new['gt_keypoints'] = _warp_keypoints(results['gt_keypoints'], region, size)
    if kept is not None and not kept.all():
        for key, value in {**results, **new}.items():
            if key.startswith('gt_') and key not in (
                *IMAGE_KEYS,
                *dense_keys(results),
            ):
                new[key] = _select(value, kept)
    return new


def _warp_keypoints(keypoints: Any, region: MagnificationRegion, size: tuple) -> Any:
    """An array (N, K, 3), the third number a flag; or MMYOLO's Keypoints."""
    if not isinstance(keypoints, np.ndarray):
        new = keypoints.clone()
        # Arrays in the memory of its tensors.
        points, flags = new.keypoints.numpy(), new.keypoints_visible.numpy()
        xy, visible = _warp_points(points, region, size)
        labelled = flags > 0
        points[labelled] = xy[labelled]
        flags[~visible] = 0
        return new
    xy, visible = _warp_points(keypoints[..., :2], region, size)
    # COCO's flag 0 is a point that nobody labelled.
    labelled = keypoints[..., 2] > 0
    new = keypoints.astype(xy.dtype)
    new[labelled, :2] = xy[labelled]
    new[~visible, 2] = 0
    return new


def _warp_proposals(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    if results.get('proposals') is None:
        return {}
    boxes, kept = _warp_boxes(results['proposals'], region, size)
    new = {'proposals': _select(boxes, kept)}
    if results.get('proposals_scores') is not None:
        new['proposals_scores'] = _select(results['proposals_scores'], kept)
    return new


def _pose_key(results: dict) -> str:
    """The points of the image that is there."""
    # After TopdownAffine the former are those of the crop that is the image,
    # the latter still those of the photograph.
    key = 'transformed_keypoints'
    return key if results.get(key) is not None else 'keypoints'


def _warp_poses(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    """MMPose's: ``keypoints``, ``keypoints_visible``, ``bbox`` and ``area``."""
    new: dict[str, Any] = {}
    key = _pose_key(results)
    if results.get(key) is not None:
        xy, visible = _warp_points(results[key][..., :2], region, size)
        new[key] = results[key].astype(xy.dtype)
        new[key][..., :2] = xy
        # (N, K), or (N, K, 2) with weights
        flags = results['keypoints_visible'].copy()
        flags[~visible] = 0
        new['keypoints_visible'] = flags
    # A person's crop, once chosen, stays; so does the person.
    if results.get('bbox') is None or 'bbox_center' in results:
        return new
    new['bbox'], kept = _warp_boxes(results['bbox'], region, size)
    if not kept.all() and np.ndim(results.get('id', [])) == 0:
        # A top-down sample is one person's, and nothing without.
        new['bbox'] = results['bbox']
        return new
    if results.get('area') is not None:
        grown = _extent(new['bbox'], size) / _extent(results['bbox'], size)
        new['area'] = _scale(results['area'], np.where(kept, grown, 1))
    if not kept.all():
        for key, value in {**results, **new}.items():
            if key.startswith(('bbox', 'keypoints')) or key in POSE_INSTANCE_KEYS:
                new[key] = _select(value, kept)
    return new


def _extent(boxes: np.ndarray, size: tuple) -> np.ndarray:
    """The area of boxes or of those around corners, at least a pixel's."""
    ends = boxes.reshape(-1, 2 ** (boxes.ndim - 1), 2).clip(0, (size[1], size[0]))
    return (ends.max(1) - ends.min(1)).clip(1).prod(1)


def _scale(area: Any, factors: np.ndarray) -> Any:
    """Areas, one for each instance, or that of the only one."""
    areas = np.asarray(area)
    if areas.size != len(factors):
        return area
    return (areas * factors.reshape(areas.shape)).astype(areas.dtype)


def _warp_boxes(boxes: Any, region: MagnificationRegion, size: tuple) -> tuple:
    """Move boxes of a type that :func:`check_labels` let pass."""
    if isinstance(boxes, np.ndarray) and boxes.ndim == 3:
        # What MMPose's BottomupRandomAffine leaves: four corners, perhaps
        # turned. The box around them follows.
        around = np.hstack([boxes.min(1), boxes.max(1)])
        moved, kept = magnify_boxes(around, region, *size)
        # in the order of bbox_xyxy2corner
        corners = moved[:, [0, 1, 0, 3, 2, 1, 2, 3]].reshape(-1, 4, 2)
        # Those that only the border of the image cuts off, too.
        stays = (moved == around.clip(0, [*size[::-1]] * 2)).all(1)[:, None, None]
        return np.where(stays, boxes, corners), kept
    if isinstance(boxes, np.ndarray):
        moved, kept = magnify_boxes(boxes, region, *size)
        # Whole numbers stay whole; in a byte they might not fit any more.
        return moved if boxes.itemsize == 1 else moved.astype(boxes.dtype), kept
    tensor = boxes.tensor
    # NumPy lacks some types of torch.
    moved, kept = magnify_boxes(tensor.detach().cpu().double().numpy(), region, *size)
    return type(boxes)(tensor.new_tensor(moved), clone=False), kept


def _warp_points(points: np.ndarray, region: MagnificationRegion, size: tuple) -> tuple:
    """Move points of any shape (..., 2)."""
    moved, visible = magnify_points(points.reshape(-1, 2), region, *size)
    return moved.reshape(points.shape), visible.reshape(points.shape[:-1])


def _select(value: Any, kept: np.ndarray) -> Any:
    """The kept ones of what has one entry for each instance; or all of it."""
    if entries(value) != len(kept):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)([v for v, keep in zip(value, kept) if keep])
    return value[kept]
