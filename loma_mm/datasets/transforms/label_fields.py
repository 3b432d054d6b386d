"""Which fields of a sample are labels, and which of them cannot follow pixels.

A sample is a results dict with the keys of mmcv, MMDetection, MMPretrain,
MMSegmentation, MMPose and MMYOLO. No toolbox is imported: their types are
recognised by name.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from loma_mm.errors import LabelError

BOX_KEYS = ('gt_bboxes', 'proposals', 'bbox')
# Labels with a value for each pixel, beside those that MMSegmentation lists
# under 'seg_fields'.
DENSE_KEYS = (
    *('gt_seg_map', 'gt_semantic_seg', 'gt_panoptic_seg', 'gt_depth_map'),
    *('gt_edge_map', 'heatmap_mask'),
)
KEYPOINT_KEYS = ('gt_keypoints', 'keypoints', 'transformed_keypoints')

# Labels of the whole image: their length is no number of instances.
IMAGE_KEYS = ('gt_label', 'gt_score')

# Labels of an instance that may be several numbers, one for each class.
CLASS_KEYS = ('gt_bboxes_labels', 'gt_labels')

# Where something is, in ways that nothing here can move: optical flow, point
# clouds and cameras, a second crop of the photograph, targets that are drawn
# already.
FIXED_KEYS = (
    *('flow', 'flow_gt', 'flow_fw', 'flow_bw', 'flow_fw_gt', 'flow_bw_gt'),
    *('points', 'centers_2d', 'depths', 'lidar2img', 'lidar2cam', 'cam2img'),
    *('keypoints_3d', 'target_img', 'heatmaps', 'instance_heatmaps'),
    *('keypoint_labels', 'keypoint_x_labels', 'keypoint_y_labels'),
    *('keypoint_indices', 'instance_coords', 'displacements'),
)


def dense_keys(results: dict) -> tuple[str, ...]:
    """The keys of labels with a value for each pixel, there or not."""
    return tuple(dict.fromkeys((*DENSE_KEYS, *(results.get('seg_fields') or ()))))


def has_dense_labels(results: dict) -> bool:
    """Whether a sample has labels that are wrong where the image moves."""
    return any(
        results.get(key) is not None
        for key in (*dense_keys(results), 'gt_masks', *KEYPOINT_KEYS)
    )


def is_a(value: Any, name: str, package: str = 'mmdet') -> bool:
    """Whether ``value`` is of a package's class of that name, or derived."""
    return any(
        cls.__name__ == name and cls.__module__.startswith(f'{package}.')
        for cls in type(value).__mro__
    )


def check_labels(results: dict) -> None:
    """See that all labels of a sample can follow its pixels.

    Raises:
        LabelError: If a field is of a type or size that cannot be moved, or
            has geometry and is not known.
    """
    size = results['img'].shape[:2]
    for key, value in _unknown(results):
        if _has_geometry(key, value, size):
            raise LabelError(
                f"LocalMagnification(labels='warp') cannot move results['{key}'] "
                f'({_kind(value)}) with the pixels: remove it before, name it in '
                "results['seg_fields'] if it is a map, or take labels='keep', which "
                'leaves all labels where they are.'
            )
    for key in BOX_KEYS:
        _check_boxes(key, results.get(key))
    _check_masks(results.get('gt_masks'), size)
    for key in KEYPOINT_KEYS:
        _check_keypoints(key, results.get(key))
    _check_flags(results)
    _check_counts(results)
    for key in dense_keys(results):
        _check_map(key, results.get(key), size)
    if results.get('invalid_segs') and results.get('heatmap_mask') is None:
        raise LabelError(
            "LocalMagnification(labels='warp') cannot move results['invalid_segs'], "
            'the crowds of this image: put BottomupGetHeatmapMask before it, whose '
            'map of them follows, or remove the field.'
        )


def _check_boxes(key: str, boxes: Any) -> None:
    if boxes is None:
        return
    if is_a(boxes, 'HorizontalBoxes'):
        # A class derived from it may hold keypoints, too.
        fits = set(vars(boxes)) == {'tensor'} and boxes.tensor.ndim == 2
    else:
        fits = _is_numeric(boxes) and (
            boxes.shape[1:] == (4,) or (key == 'bbox' and boxes.shape[1:] == (4, 2))
        )
    if not fits:
        raise LabelError(
            f"LocalMagnification(labels='warp') moves horizontal boxes, "
            f"HorizontalBoxes or an array (N, 4); results['{key}'] is "
            f"{_kind(boxes)}. Convert it before, or take labels='keep'."
        )


def _check_masks(masks: Any, size: tuple) -> None:
    if masks is None:
        return
    if not is_a(masks, 'BitmapMasks') and not is_a(masks, 'PolygonMasks'):
        raise LabelError(
            f"LocalMagnification(labels='warp') moves BitmapMasks and PolygonMasks; "
            f"results['gt_masks'] is {_kind(masks)}. Convert it before, or take "
            f"labels='keep'."
        )
    _check_size('gt_masks', (masks.height, masks.width), size)


def _check_keypoints(key: str, keypoints: Any) -> None:
    if keypoints is None:
        return
    ours = key == 'gt_keypoints'
    if ours and is_a(keypoints, 'Keypoints', 'mmyolo'):
        return
    if (
        not _is_numeric(keypoints)
        or keypoints.ndim != 3
        or keypoints.shape[2] not in ((3,) if ours else (2, 3))
    ):
        shape = '(N, K, 3)' if ours else '(N, K, 2)'
        raise LabelError(
            f"LocalMagnification(labels='warp') moves keypoints that are an array "
            f"{shape}; results['{key}'] is {_kind(keypoints)}. Convert it before, or "
            "take labels='keep'."
        )


def _check_flags(results: dict) -> None:
    """See that the flags of MMPose's keypoints belong to them."""
    flags = results.get('keypoints_visible')
    for key in KEYPOINT_KEYS[1:]:
        if flags is None or results.get(key) is None:
            continue
        shape = results[key].shape[:2]
        if not _is_numeric(flags, 'buif') or flags.shape[:2] != shape:
            raise LabelError(
                f"results['keypoints_visible'] is {_kind(flags)}, and "
                f"results['{key}'] has {shape[0]} x {shape[1]} points, which "
                "LocalMagnification(labels='warp') moves: give a flag for each."
            )


def _check_counts(results: dict) -> None:
    """See that boxes, masks and keypoints are those of the same instances."""
    # MMDetection's ProposalBroadcaster puts proposals in the place of boxes.
    if results.get('gt_bboxes') is None or results.get('proposals') is not None:
        return
    count = len(results['gt_bboxes'])
    for key in ('gt_masks', 'gt_keypoints'):
        value = results.get(key)
        if value is not None and entries(value) != count:
            raise LabelError(
                f"results['gt_bboxes'] has {count} instances and results['{key}'] "
                f"{entries(value)}: LocalMagnification(labels='warp') needs the same "
                'ones in both.'
            )


def _check_map(key: str, value: Any, size: tuple) -> None:
    if value is None:
        return
    if not _is_numeric(value, 'buif') or value.ndim not in (2, 3):
        raise LabelError(
            f"LocalMagnification(labels='warp') moves maps that are arrays (H, W) or "
            f"(H, W, C) of numbers; results['{key}'] is {_kind(value)}. Convert it "
            "before, or take labels='keep'."
        )
    _check_size(key, value.shape[:2], size)


def _check_size(key: str, size: tuple, wanted: tuple) -> None:
    if tuple(size) != tuple(wanted):
        raise LabelError(
            f"results['{key}'] is {size[0]} x {size[1]} pixels, the image "
            f"{wanted[0]} x {wanted[1]}: LocalMagnification(labels='warp') needs "
            'them in one size, so resize both before it.'
        )


def other_maps(results: dict) -> list[str]:
    """The keys of what has a value for each pixel and is not known to move."""
    size = results['img'].shape[:2]
    return [
        key
        for key, value in _unknown(results)
        if any(
            len(shape) > 1 and size in (shape[:2], shape[-2:])
            for shape in map(_shape, _parts(value))
        )
    ]


def _unknown(results: dict) -> list[tuple[str, Any]]:
    """The fields that are none of the labels that are known to move."""
    known = ('img', 'gt_masks', *BOX_KEYS, *KEYPOINT_KEYS, *dense_keys(results))
    others = [
        (key, value)
        for key, value in results.items()
        # Of what was before, a copy may be kept.
        if value is not None and key not in known and not key.startswith('ori_')
    ]
    # In a KeyMapper or TransformBroadcaster with a mapping, the fields are there
    # under their outer names too, those of other images with them.
    mapped = any(value is results['img'] for _, value in others)
    return [] if mapped else others


def _has_geometry(key: str, value: Any, size: tuple) -> bool:
    """Whether an unknown field surely says where something is."""
    if key in (*IMAGE_KEYS, *CLASS_KEYS):
        return False
    if key in FIXED_KEYS:
        # A list of nothing is nowhere.
        return not isinstance(value, list) or bool(value)
    if is_a(value, 'BaseBoxes') or is_a(value, 'BaseInstanceMasks'):
        return True
    if any(cls.__module__.startswith('mmdet3d.') for cls in type(value).__mro__):
        return True
    shape = _shape(value)
    # A vector for each pixel is a flow.
    if shape == (*size, 2) or ('box' in key and len(shape) == 2 and shape[1] > 3):
        return True
    # Ground truth of more than one number for each instance is taken for it.
    return key.startswith('gt_') and any(
        len(_shape(part)) > (part is value) for part in _parts(value)
    )


def entries(value: Any) -> int | None:
    """Of how many instances a field has an entry; None: it has no entries."""
    if is_a(value, 'Keypoints', 'mmyolo'):
        return len(value.keypoints)
    # The length of a word, a dict or an array without dimensions is none.
    if isinstance(value, (str, dict)) or not getattr(value, 'shape', True):
        return None
    return len(value) if hasattr(value, '__len__') else None


def _is_numeric(value: Any, kinds: str = 'uif') -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in kinds


def _parts(value: Any) -> Sequence[Any]:
    """The members of a list or tuple, or the value itself as the only one."""
    return value if isinstance(value, (list, tuple)) else [value]


def _shape(value: Any) -> tuple:
    shape = getattr(value, 'shape', ())
    return tuple(shape) if isinstance(shape, tuple) else ()


def _kind(value: Any) -> str:
    shape = getattr(value, 'shape', None)
    name = type(value).__name__
    return name if shape is None else f'{name} of shape {tuple(shape)}'
