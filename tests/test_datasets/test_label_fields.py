"""What of a sample cannot follow the pixels, or stays, is said."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from loma_mm import LocalMagnification
from loma_mm.errors import LabelError, LomaWarning
from loma_mm.functional import magnify_image
from tests.label_samples import SIZE, drawn, photo, some_boxes, warp

mmdet_bbox = pytest.importorskip('mmdet.structures.bbox')
mmdet_mask = pytest.importorskip('mmdet.structures.mask')


class RotatedBoxes(mmdet_bbox.BaseBoxes):
    """As MMRotate has them."""

    box_dim = 5

    def _stub(self, *args, **kwargs):
        raise NotImplementedError

    centers = areas = widths = heights = property(_stub)
    flip_ = translate_ = clip_ = rotate_ = project_ = rescale_ = resize_ = _stub
    is_inside = find_inside_points = overlaps = from_instance_masks = _stub


def boxes_with_keypoints():
    """As earlier versions of MMYOLO have them: in one object."""
    boxes = mmdet_bbox.HorizontalBoxes(some_boxes())
    boxes.keypoints = torch.zeros(6, 17, 2)
    return boxes


def masks(count, *size):
    size = size or SIZE
    return mmdet_mask.BitmapMasks(np.zeros((count, *size), np.uint8), *size)


@pytest.mark.parametrize(
    'key, value, error',
    [
        ('gt_bboxes', RotatedBoxes(np.zeros((2, 5), np.float32)), TypeError),
        ('gt_bboxes', np.zeros((2, 5), np.float32), TypeError),
        ('gt_bboxes', torch.zeros(2, 4), TypeError),
        ('gt_bboxes', np.zeros((2, 4), object), TypeError),
        ('gt_bboxes', boxes_with_keypoints(), TypeError),
        ('gt_bboxes', mmdet_bbox.HorizontalBoxes(np.ones((1, 2, 4))), TypeError),
        ('proposals', np.zeros((2, 5), np.float32), TypeError),
        ('bbox', np.zeros((2, 8), np.float32), TypeError),
        ('gt_masks', [np.zeros(SIZE)], TypeError),
        ('gt_masks', masks(2, 30, 40), ValueError),
        ('gt_seg_map', torch.zeros(SIZE), TypeError),
        ('gt_seg_map', [1, 2], TypeError),
        ('gt_seg_map', np.zeros((30, 40)), ValueError),
        ('gt_keypoints', np.zeros((2, 51)), TypeError),
        ('gt_keypoints', np.zeros((2, 17, 2)), TypeError),
        ('gt_keypoints', torch.zeros(2, 17, 3), TypeError),
        ('keypoints', [[1.0, 2.0]], TypeError),
        ('keypoints', np.zeros((17, 2)), TypeError),
        ('more_boxes', RotatedBoxes(np.zeros((2, 5), np.float32)), ValueError),
        ('entity_boxes', np.zeros((2, 4)), ValueError),
        ('gt_bboxes_3d', np.zeros((2, 7)), ValueError),
        ('gt_polygons', [np.zeros(8), np.zeros(10)], ValueError),
        ('gt_saliency', np.zeros(SIZE), ValueError),
        ('points', np.zeros((100, 4)), ValueError),
        ('gt_flow', np.zeros((*SIZE, 2)), ValueError),
        ('motion', np.zeros((*SIZE, 2)), ValueError),
        # targets that MMPose's GenerateTarget has drawn already
        ('heatmaps', np.zeros((17, 15, 20)), ValueError),
        ('keypoint_labels', np.zeros((1, 17, 2)), ValueError),
        ('invalid_segs', [[[1.0, 1, 9, 1, 9, 9]]], ValueError),
    ],
)
@pytest.mark.parametrize('prob', [0, 1])
def test_what_cannot_move_is_an_error(key, value, error, prob):
    with pytest.raises(error, match=f"'{key}'") as raised:
        warp(prob=prob)({'img': photo(), key: value})
    # The command line shows its sentence, without a trace.
    assert raised.type is LabelError
    LocalMagnification(prob=prob)({'img': photo(), key: value})


@pytest.mark.parametrize(
    'said, fields',
    [
        ("6 instances.*'gt_masks'.* 2:", dict(gt_masks=masks(2))),
        ("6 instances.*'gt_keypoints'.* 2:", dict(gt_keypoints=np.zeros((2, 17, 3)))),
        (
            "'keypoints_visible'.*1 x 17 points",
            dict(keypoints=np.zeros((1, 17, 2)), keypoints_visible=np.ones(17)),
        ),
    ],
)
def test_fields_that_do_not_belong_together(said, fields):
    with pytest.raises(LabelError, match=said):
        warp()(dict(img=photo(), gt_bboxes=some_boxes(), **fields))


def test_crowds_of_mmpose_follow_as_a_map():
    """What BottomupGetHeatmapMask made of ``invalid_segs`` before."""
    transform, region = drawn(1)
    crowds = photo(1)[..., 0] > 99
    out = transform(
        dict(img=photo(), invalid_segs=[[[1.0, 1, 9, 1, 9, 9]]], heatmap_mask=crowds)
    )
    np.testing.assert_array_equal(out['heatmap_mask'], magnify_image(crowds, region))
    warp()(dict(img=photo(), invalid_segs=[]))


def test_labels_of_the_image_and_copies_of_before_stay():
    fields = dict(gt_label=[np.array([1])], gt_score=np.zeros((1, 10)))
    fields |= dict(ori_img=photo(), seg_fields=None)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        out = warp()(dict(img=photo(1), **fields))
    assert all(out[key] is value for key, value in fields.items())


@pytest.mark.parametrize(
    'key, value',
    [
        ('gt_seg_map', np.zeros(SIZE, np.uint8)),
        ('gt_masks', masks(1)),
        ('gt_keypoints', np.zeros((1, 17, 3))),
        ('keypoints', np.zeros((1, 17, 2))),
    ],
)
def test_kept_dense_labels_are_warned_of_once(key, value):
    transform = LocalMagnification(prob=1)
    with pytest.warns(UserWarning, match="labels='warp'"):
        out = transform({'img': photo(), key: value})
    assert out[key] is value
    boxes_stay, all_follow = LocalMagnification(prob=1), warp()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        transform({'img': photo(), key: value})
        # and never where boxes stay, which is the paper's rule
        boxes_stay(dict(img=photo(), gt_bboxes=some_boxes()))
        all_follow({'img': photo(), key: value})


class Warned(Dataset):
    """Of each sample, how many warnings its worker saw."""

    transform = LocalMagnification(prob=1)

    def __len__(self):
        return 2

    def __getitem__(self, index):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter('always')
            self.transform(dict(img=photo(), gt_seg_map=np.zeros(SIZE)))
        return len(seen)


def test_once_is_once_for_all_workers_and_epochs():
    dataset = Warned()
    epochs = [list(DataLoader(dataset, num_workers=1)) for _ in range(2)]
    assert torch.tensor(epochs).flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize(
    'value', [photo(1), photo(1)[..., 0], torch.zeros(3, *SIZE), [np.zeros(SIZE)]]
)
def test_other_maps_are_warned_of_once(value):
    """A second image, a depth map, whatever lies on the same pixels."""
    transform = warp()
    with pytest.warns(LomaWarning, match=r"\['other'\].*seg_fields"):
        transform(dict(img=photo(), other=value))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        transform(dict(img=photo(), other=value))
        warp(prob=0)(dict(img=photo(), other=value))
        if isinstance(value, np.ndarray):
            transform, region = drawn(0)
            given = dict(img=photo(), other=value, seg_fields=['other'])
            moved = transform(copy.copy(given))['other']
            np.testing.assert_array_equal(moved, magnify_image(value, region))
