"""Keypoints and poses follow the pixels of a sample."""

import numpy as np
import pytest
import torch

from loma_mm.datasets.transforms import labels
from loma_mm.functional import MagnificationRegion, magnify_boxes, magnify_points
from tests.label_samples import (
    SIZE,
    fixed,
    photo,
    vanishing,
)


def test_keypoints_of_mmcv(monkeypatch):
    region = MagnificationRegion((40, 30), 20.0, (2.0, 2.0), 'rectangle')
    keypoints = np.array(
        [[[42, 30, 2], [47, 29, 2], [5, 5, 1], [0, 0, 0], [41, 31, 0]]], np.float32
    )
    out = fixed(monkeypatch, region)(dict(img=photo(), gt_keypoints=keypoints))
    moved, visible = magnify_points(keypoints[0, :, :2], region, *SIZE)
    assert visible.tolist() == [True, False, True, True, True]
    got = out['gt_keypoints'][0]
    assert got[:, 2].tolist() == [2, 0, 1, 0, 0]
    np.testing.assert_array_equal(got[:3, :2], moved[:3])
    # Nobody labelled these.
    np.testing.assert_array_equal(got[3:], keypoints[0, 3:])


@pytest.mark.parametrize('weights', [False, True])
def test_poses_of_mmpose(monkeypatch, weights):
    region, boxes = vanishing()
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(25, 50, (3, 17, 2)).astype(np.float32)
    flags = np.ones((3, 17, 2) if weights else (3, 17), np.float32)
    results = dict(
        img=photo(),
        bbox=boxes,
        bbox_score=np.array([1, 2, 3], np.float32),
        keypoints=keypoints,
        keypoints_visible=flags,
        area=np.array([1, 2, 3]),
        category_id=[1, 1, 2],
        id=[10, 11, 12],
        iscrowd=(0, 1, 0),
        raw_ann_info=dict(a=1, b=2, c=3),
        upper_body_ids=[0, 1, 2],
    )
    moved, visible = magnify_points(keypoints.reshape(-1, 2), region, *SIZE)
    moved, visible = moved.reshape(3, 17, 2), visible.reshape(3, 17)
    out = fixed(monkeypatch, region)(dict(results))
    keep = [0, 2]
    np.testing.assert_array_equal(out['keypoints'], moved[keep])
    assert 0 < visible.sum() < visible.size
    first = out['keypoints_visible'][..., 0] if weights else out['keypoints_visible']
    np.testing.assert_array_equal(first, visible[keep])
    assert len(out['bbox']) == 2 and out['bbox_score'].tolist() == [1, 3]
    assert out['area'].tolist() == [1, 3] and out['category_id'] == [1, 2]
    assert out['id'] == [10, 12] and out['iscrowd'] == (0, 0)
    assert out['upper_body_ids'] == [0, 1, 2] and len(out['raw_ann_info']) == 3
    assert (flags == 1).all()

    # Top-down: the image is a person's crop, bbox and keypoints are of the
    # photograph that it was cut from.
    cut = dict(
        results,
        bbox_center=np.zeros((3, 2)),
        transformed_keypoints=keypoints + 1,
    )
    moved, visible = magnify_points(keypoints.reshape(-1, 2) + 1, region, *SIZE)
    out = fixed(monkeypatch, region)(cut)
    assert out['bbox'] is boxes and out['keypoints'] is keypoints
    np.testing.assert_array_equal(out['transformed_keypoints'], moved.reshape(3, 17, 2))
    flags = out['keypoints_visible'].reshape(3, 17, -1)[..., 0]
    np.testing.assert_array_equal(flags, visible.reshape(3, 17))


def test_corners_of_mmpose():
    """Of four corners the box around them follows; what stays is untouched."""
    region = MagnificationRegion((40, 30), 20.0, (2.0, 2.0), 'rectangle')
    corners = np.array(
        [
            [[34, 24], [34, 33], [47, 24], [47, 33]],
            [[5, 1], [1, 5], [9, 5], [5, 9]],  # turned, outside S
            [[46, 29], [46, 31], [48, 29], [48, 31]],  # vanishes
            [[70, 1], [70, 9], [90, 1], [90, 9]],  # half of it off the image
        ],
        np.float32,
    )
    boxes = np.hstack([corners.min(1), corners.max(1)])
    moved, kept = magnify_boxes(boxes, region, *SIZE)
    assert kept.tolist() == [True, True, False, True]
    assert (moved[0] != boxes[0]).any()
    before = corners.copy()
    new = labels.warp_labels(
        dict(img=photo(), bbox=corners, category_id=[1, 2, 3, 4]), region
    )
    x1, y1, x2, y2 = moved[0]
    assert new['bbox'][0].tolist() == [[x1, y1], [x1, y2], [x2, y1], [x2, y2]]
    np.testing.assert_array_equal(new['bbox'][1:], corners[[1, 3]])
    assert new['category_id'] == [1, 2, 4]
    np.testing.assert_array_equal(corners, before)


def test_an_area_of_mmpose_grows_as_its_box(monkeypatch):
    region, boxes = vanishing()
    boxes[0, 2:] = 44, 34  # a corner in the region's middle
    boxes[2, 0] = -7  # cut off by the image, which is no growth
    moved, kept = magnify_boxes(boxes, region, *SIZE)
    assert kept.tolist() == [True, False, True]
    width, height = moved[0, 2:] - moved[0, :2]
    assert width * height != 14 * 14
    areas = np.array([98, 3, 50], np.float32)
    out = fixed(monkeypatch, region)(
        dict(img=photo(), bbox=boxes, area=areas, id=[1, 2, 3])
    )
    assert out['area'].tolist() == [np.float32(98 * width * height / 14**2), 50]
    assert out['area'].dtype == np.float32 and areas.tolist() == [98, 3, 50]


def test_the_person_of_a_top_down_sample_is_never_left_out(monkeypatch):
    """Without one, TopdownAffine would end the training."""
    region, boxes = vanishing()
    person = dict(
        img=photo(),
        bbox=boxes[1:2],
        keypoints=np.array([[[47, 30], [46.5, 29.5]]], np.float32),
        keypoints_visible=np.ones((1, 2), np.float32),
        area=np.float32(4),
        category_id=np.array(1),
    )
    out = fixed(monkeypatch, region)(dict(person, id=7))
    np.testing.assert_array_equal(out['bbox'], boxes[1:2])
    assert out['keypoints_visible'].tolist() == [[0, 0]] and out['area'] == 4
    # Of a bottom-up sample with one person the same is no reason to stay.
    out = fixed(monkeypatch, region)(dict(person, id=[7]))
    assert len(out['bbox']) == len(out['keypoints']) == len(out['id']) == 0


@pytest.mark.parametrize('prob', [0, 1])
def test_points_without_flags_get_them(monkeypatch, prob):
    """What vanished could not be told else."""
    region, _ = vanishing()
    points = np.array([[[42, 30], [47, 29]]])
    transform = fixed(monkeypatch, region if prob else None)
    out = transform(dict(img=photo(), keypoints=points))
    assert out['keypoints_visible'].tolist() == [[1, 1 - prob]]
    # Of one type, touched or not: whole numbers are not cut off.
    assert out['keypoints'].dtype == np.float64 and points.dtype == np.int64
    if prob:
        moved, _ = magnify_points(points[0] * 1.0, region, *SIZE)
        np.testing.assert_array_equal(out['keypoints'][0], moved)


class Keypoints:
    """MMYOLO's, as far as it is used."""

    def __init__(self, keypoints, keypoints_visible):
        self.keypoints = torch.as_tensor(keypoints)
        self.keypoints_visible = torch.as_tensor(keypoints_visible)

    def clone(self):
        return Keypoints(self.keypoints.clone(), self.keypoints_visible.clone())

    def __getitem__(self, index):
        return Keypoints(self.keypoints[index], self.keypoints_visible[index])


Keypoints.__module__ = 'mmyolo.datasets.transforms.keypoint_structure'


def test_keypoints_of_mmyolo(monkeypatch):
    region, boxes = vanishing()
    rng = np.random.default_rng(0)
    points = rng.uniform(25, 50, (3, 17, 2)).astype(np.float32)
    flags = rng.integers(0, 2, (3, 17))
    given = Keypoints(points.copy(), flags.copy())
    out = fixed(monkeypatch, region)(
        dict(img=photo(), gt_bboxes=boxes, gt_keypoints=given)
    )['gt_keypoints']
    moved, visible = magnify_points(points.reshape(-1, 2), region, *SIZE)
    moved, visible = moved.reshape(3, 17, 2), visible.reshape(3, 17)
    assert 0 < (flags * ~visible).sum() < flags.sum()
    expected = np.where(flags[..., None] > 0, moved, points)[[0, 2]]
    np.testing.assert_array_equal(out.keypoints.numpy(), expected)
    np.testing.assert_array_equal(
        out.keypoints_visible.numpy(), (flags * visible)[[0, 2]]
    )
    np.testing.assert_array_equal(given.keypoints.numpy(), points)
    np.testing.assert_array_equal(given.keypoints_visible.numpy(), flags)
