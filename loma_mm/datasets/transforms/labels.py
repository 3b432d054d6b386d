"""How the labels of a sample follow its pixels: ``labels='warp'``.

A sample is a results dict with the keys of mmcv, MMDetection, MMPretrain,
MMSegmentation, MMPose and MMYOLO. No toolbox is imported: their types are
recognised by name.
"""

from typing import Any

import numpy as np

from loma_mm.functional import (
    MagnificationRegion,
    magnify_boxes,
    magnify_image,
    magnify_points,
)

# Labels with a value for each pixel, beside those that MMSegmentation lists
# under 'seg_fields'.
DENSE_KEYS = ('gt_seg_map', 'gt_semantic_seg', 'gt_panoptic_seg', 'gt_depth_map')
KEYPOINT_KEYS = ('gt_keypoints', 'keypoints', 'transformed_keypoints')

# Labels of the whole image: their length is no number of instances.
IMAGE_KEYS = ('gt_label', 'gt_score')

# What the toolboxes store of each instance beside 'gt_*'.
POSE_INSTANCE_KEYS = (
    *('area', 'category_id', 'head_size', 'num_keypoints'),
    *('id', 'iscrowd', 'track_id', 'raw_ann_info'),
)

# Where something is, in ways that nothing here can move: optical flow, point
# clouds and cameras, text outlines, targets that are drawn already.
FIXED_KEYS = (
    *('flow', 'flow_gt', 'flow_fw', 'flow_bw', 'flow_fw_gt', 'flow_bw_gt'),
    *('points', 'centers_2d', 'depths', 'lidar2img', 'lidar2cam', 'cam2img'),
    *('keypoints_3d', 'heatmaps', 'heatmap_mask', 'keypoint_x_labels'),
    'invalid_segs',
)


def has_dense_labels(results: dict) -> bool:
    """Whether a sample has labels that are wrong where the image moves."""
    return any(
        results.get(key) is not None
        for key in (*_dense_keys(results), 'gt_masks', *KEYPOINT_KEYS)
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
        TypeError: If boxes or masks are of a type that cannot be moved.
        ValueError: If there is a field of another size than the image, or
            one with geometry that cannot be moved.
    """
    _refuse_what_stays(results)
    new: dict[str, Any] = {}
    masks = results.get('gt_masks')
    if masks is not None and _is_a(masks, 'PolygonMasks'):
        # Touched or not, so that the type is no matter of chance.
        new['gt_masks'] = masks.to_bitmap()
    if region is None:
        return new
    size = results['img'].shape[:2]
    for key in _dense_keys(results):
        if results.get(key) is not None:
            _check_size(key, results[key].shape[:2], size)
            new[key] = magnify_image(results[key], region)
    new |= _warp_instances({**results, **new}, region, size)
    new |= _warp_proposals(results, region, size)
    new |= _warp_poses(results, region, size)
    return new


def _warp_instances(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    """The instances of mmcv and MMDetection: ``gt_*``."""
    new, kept = {}, None
    if results.get('gt_bboxes') is not None:
        new['gt_bboxes'], kept = _warp_boxes(results['gt_bboxes'], region, size)
    if results.get('gt_masks') is not None:
        masks = results['gt_masks']
        _check_size('gt_masks', (masks.height, masks.width), size)
        warped = [magnify_image(mask, region) for mask in masks.masks]
        new['gt_masks'] = type(masks)(warped, *size)
        # One that was empty before, as some crowds are, stays with its box.
        left = np.array(
            [a.any() or not b.any() for a, b in zip(warped, masks.masks)], bool
        )
        kept = left if kept is None else kept & left
    if results.get('gt_keypoints') is not None:
        keypoints = results['gt_keypoints']
        xy, visible = _warp_points(keypoints[..., :2], region, size)
        # COCO's flag 0 is a point that nobody labelled.
        labelled = keypoints[..., 2] > 0
        new['gt_keypoints'] = keypoints.copy()
        new['gt_keypoints'][labelled, :2] = xy[labelled]
        new['gt_keypoints'][~visible, 2] = 0
    if kept is not None and not kept.all():
        for key, value in {**results, **new}.items():
            if key.startswith('gt_') and key not in (
                *IMAGE_KEYS,
                *_dense_keys(results),
            ):
                new[key] = _select(value, kept)
    return new


def _warp_proposals(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    if results.get('proposals') is None:
        return {}
    boxes, kept = _warp_boxes(results['proposals'], region, size)
    new = {'proposals': _select(boxes, kept)}
    if results.get('proposals_scores') is not None:
        new['proposals_scores'] = _select(results['proposals_scores'], kept)
    return new


def _warp_poses(results: dict, region: MagnificationRegion, size: tuple) -> dict:
    """MMPose's: ``keypoints``, ``keypoints_visible`` and ``bbox``."""
    new = {}
    # After TopdownAffine the former are those of the crop that is the image,
    # the latter still those of the photograph.
    key = 'transformed_keypoints'
    if results.get(key) is None:
        key = 'keypoints'
    if results.get(key) is not None:
        keypoints = results[key]
        xy, visible = _warp_points(keypoints[..., :2], region, size)
        new[key] = keypoints.copy()
        new[key][..., :2] = xy
        if results.get('keypoints_visible') is not None:
            # (N, K), or (N, K, 2) with weights
            flags = results['keypoints_visible'].copy()
            flags[~visible] = 0
            new['keypoints_visible'] = flags
    # A person's crop, once chosen, stays; so does the person.
    if results.get('bbox') is not None and 'bbox_center' not in results:
        new['bbox'], kept = _warp_boxes(results['bbox'], region, size)
        if not kept.all():
            for key, value in {**results, **new}.items():
                if key.startswith(('bbox', 'keypoints')) or key in POSE_INSTANCE_KEYS:
                    new[key] = _select(value, kept)
    return new


def _warp_boxes(boxes: Any, region: MagnificationRegion, size: tuple) -> tuple:
    """Move boxes of a type that :func:`_refuse_what_stays` let pass."""
    if isinstance(boxes, np.ndarray) and boxes.ndim == 3:
        # What MMPose's BottomupRandomAffine leaves: four corners, perhaps
        # turned. The box around them follows.
        around = np.hstack([boxes.min(1), boxes.max(1)])
        moved, kept = magnify_boxes(around, region, *size)
        # in the order of bbox_xyxy2corner
        corners = moved[:, [0, 1, 0, 3, 2, 1, 2, 3]].reshape(-1, 4, 2)
        stays = (moved == around).all(1)[:, None, None]
        return np.where(stays, boxes, corners), kept
    if isinstance(boxes, np.ndarray):
        return magnify_boxes(boxes, region, *size)
    tensor = boxes.tensor
    moved, kept = magnify_boxes(tensor.numpy(), region, *size)
    return type(boxes)(tensor.new_tensor(moved), clone=False), kept


def _warp_points(points: np.ndarray, region: MagnificationRegion, size: tuple) -> tuple:
    """Move points of any shape (..., 2)."""
    moved, visible = magnify_points(points.reshape(-1, 2), region, *size)
    return moved.reshape(points.shape), visible.reshape(points.shape[:-1])


def _select(value: Any, kept: np.ndarray) -> Any:
    """The kept ones of what has one entry for each instance; or all of it."""
    # The length of a word, a dict or an array without dimensions is none.
    if isinstance(value, (str, dict)) or not getattr(value, 'shape', True):
        return value
    if not hasattr(value, '__len__') or len(value) != len(kept):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)([v for v, keep in zip(value, kept) if keep])
    return value[kept]


def _dense_keys(results: dict) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*DENSE_KEYS, *results.get('seg_fields', ()))))


def _is_a(value: Any, name: str) -> bool:
    """Whether ``value`` is of MMDetection's class of that name, or derived."""
    return any(
        cls.__name__ == name and cls.__module__.startswith('mmdet.')
        for cls in type(value).__mro__
    )


def _check_size(key: str, size: tuple, wanted: tuple) -> None:
    if tuple(size) != tuple(wanted):
        raise ValueError(
            f"results['{key}'] is {size[0]} x {size[1]} pixels, the image "
            f"{wanted[0]} x {wanted[1]}: LocalMagnification(labels='warp') needs "
            'them in one size, so resize both before it.'
        )


def _refuse_what_stays(results: dict) -> None:
    """Raise an error if a field has geometry that nothing here moves."""
    for key in ('gt_bboxes', 'proposals', 'bbox'):
        boxes = results.get(key)
        if boxes is None or _is_a(boxes, 'HorizontalBoxes'):
            continue
        shape = boxes.shape[1:] if isinstance(boxes, np.ndarray) else None
        if shape != (4,) and (key, shape) != ('bbox', (4, 2)):
            raise TypeError(
                f"LocalMagnification(labels='warp') moves horizontal boxes, "
                f"HorizontalBoxes or an array (N, 4); results['{key}'] is "
                f"{_kind(boxes)}. Convert it before, or take labels='keep'."
            )
    masks = results.get('gt_masks')
    if masks is not None and not (
        _is_a(masks, 'BitmapMasks') or _is_a(masks, 'PolygonMasks')
    ):
        raise TypeError(
            f"LocalMagnification(labels='warp') moves BitmapMasks and PolygonMasks; "
            f"results['gt_masks'] is {_kind(masks)}. Convert it before, or take "
            f"labels='keep'."
        )
    known = (
        *('img', 'gt_bboxes', 'proposals', 'gt_masks', *KEYPOINT_KEYS),
        *_dense_keys(results),
    )
    size = results['img'].shape[:2]
    for key, value in results.items():
        if key not in known and value is not None and _has_geometry(key, value, size):
            raise ValueError(
                f"LocalMagnification(labels='warp') cannot move results['{key}'] "
                f'({_kind(value)}) with the pixels: remove it before, or take '
                "labels='keep', which leaves all labels where they are."
            )


def _has_geometry(key: str, value: Any, size: tuple) -> bool:
    """Whether an unknown field says where something is."""
    if key in FIXED_KEYS:
        # A list of nothing is nowhere.
        return not isinstance(value, list) or bool(value)
    if _is_a(value, 'BaseBoxes'):
        return True
    if _is_a(value, 'BaseInstanceMasks') or any(
        cls.__module__.startswith('mmdet3d.') for cls in type(value).__mro__
    ):
        return True
    # A vector for each pixel is a flow. Ground truth of more than one number
    # for each instance is taken for geometry.
    shape = tuple(getattr(value, 'shape', ()))
    if shape == (*size, 2):
        return True
    several = isinstance(value, (list, tuple)) and any(
        getattr(item, 'shape', ()) for item in value
    )
    return key.startswith('gt_') and (len(shape) > 1 or several)


def _kind(value: Any) -> str:
    shape = getattr(value, 'shape', None)
    name = type(value).__name__
    return name if shape is None else f'{name} of shape {tuple(shape)}'
