"""The labels of a sample follow its pixels."""

import copy

import numpy as np
import pytest
import torch

from loma_mm.functional import MagnificationRegion, magnify_boxes, magnify_image
from tests.label_samples import (
    SIZE,
    drawn,
    fixed,
    painted,
    photo,
    some_boxes,
    vanishing,
    warp,
)

mmdet_bbox = pytest.importorskip('mmdet.structures.bbox')
mmdet_mask = pytest.importorskip('mmdet.structures.mask')


@pytest.mark.parametrize('shape', ['rhombus', 'ellipse', 'rectangle'])
@pytest.mark.parametrize('kind', ['array', 'HorizontalBoxes'])
def test_boxes_and_masks_agree(shape, kind):
    boxes = some_boxes()
    masks = painted(boxes)
    for seed in range(10):
        transform, region = drawn(seed, shape=shape, interpolation='bilinear')
        given = boxes if kind == 'array' else mmdet_bbox.HorizontalBoxes(boxes)
        results = dict(
            img=photo(),
            gt_bboxes=given,
            gt_bboxes_labels=np.arange(len(boxes)),
            gt_masks=mmdet_mask.BitmapMasks(masks, *SIZE),
        )
        before = copy.deepcopy(results)
        out = transform(dict(results))
        expected, kept = magnify_boxes(boxes, region, *SIZE)
        assert type(out['gt_bboxes']) is type(given)
        got = out['gt_bboxes'] if kind == 'array' else out['gt_bboxes'].numpy()
        np.testing.assert_array_equal(got, expected[kept])
        assert got.dtype == np.float32
        assert out['gt_bboxes_labels'].tolist() == np.flatnonzero(kept).tolist()
        assert out['loma_region'] == region
        # Boxes and masks were painted alike: they are still.
        for box, mask in zip(got, out['gt_masks'].masks):
            rows, columns = np.nonzero(mask)
            assert [columns.min(), rows.min()] == np.floor(box[:2]).tolist()
            assert [columns.max() + 1, rows.max() + 1] == np.ceil(box[2:]).tolist()
        for mask, n in zip(out['gt_masks'].masks, np.flatnonzero(kept)):
            np.testing.assert_array_equal(mask, magnify_image(masks[n], region))
        # The given sample is as it was.
        np.testing.assert_array_equal(results['img'], before['img'])
        np.testing.assert_array_equal(results['gt_masks'].masks, masks)
        assert len(results['gt_bboxes']) == len(boxes)


def test_an_instance_leaves_all_of_its_fields(monkeypatch):
    region, boxes = vanishing()
    results = dict(
        img=photo(),
        gt_bboxes=mmdet_bbox.HorizontalBoxes(boxes),
        gt_bboxes_labels=np.array([7, 8, 9]),
        gt_ignore_flags=np.array([False, True, False]),
        gt_instances_ids=np.array([70, 80, 90]),
        gt_masks=mmdet_mask.BitmapMasks(painted(boxes), *SIZE),
        gt_keypoints=np.ones((3, 2, 3), np.float32),
        gt_areas=torch.tensor([1.0, 2.0, 3.0]),
        gt_names=['a', 'b', 'c'],
        gt_label=np.array([0, 1, 1]),  # of the image, not of its instances
        gt_score=np.array([0.0, 1.0, 1.0]),
        gt_caption='abc',
        gt_seg_map=np.zeros(SIZE, np.uint8),
        img_shape=SIZE,
    )
    out = fixed(monkeypatch, region)(dict(results))
    assert out['gt_bboxes_labels'].tolist() == [7, 9]
    assert out['gt_ignore_flags'].tolist() == [False, False]
    assert out['gt_instances_ids'].tolist() == [70, 90]
    assert len(out['gt_bboxes']) == len(out['gt_masks']) == 2
    assert out['gt_keypoints'].shape == (2, 2, 3)
    assert out['gt_areas'].tolist() == [1, 3]
    assert out['gt_names'] == ['a', 'c']
    for key in ('gt_label', 'gt_score', 'gt_caption', 'img_shape'):
        assert out[key] is results[key]


def test_a_mask_that_vanishes_takes_its_box_along(monkeypatch):
    region, boxes = vanishing()
    masks = painted(boxes)
    masks[0] = masks[1]  # the first box stays, its mask vanishes
    masks[2] = 0  # a crowd without a mask
    results = dict(
        img=photo(),
        gt_bboxes=boxes,
        gt_bboxes_labels=np.arange(3),
        gt_masks=mmdet_mask.BitmapMasks(masks, *SIZE),
    )
    out = fixed(monkeypatch, region)(results)
    assert out['gt_bboxes_labels'].tolist() == [2]
    assert len(out['gt_masks']) == len(out['gt_bboxes']) == 1
    alone = dict(img=photo(), gt_masks=mmdet_mask.BitmapMasks(masks, *SIZE))
    assert len(fixed(monkeypatch, region)(alone)['gt_masks']) == 1


def test_polygons_become_bitmaps_touched_or_not():
    outline = np.array([20.0, 10, 60, 10, 60, 50, 20, 50])
    polygons = mmdet_mask.PolygonMasks([[outline], [outline / 4]], *SIZE)
    transform, region = drawn(3)
    out = transform(dict(img=photo(), gt_masks=polygons))['gt_masks']
    expected = [magnify_image(m, region) for m in polygons.to_bitmap().masks]
    np.testing.assert_array_equal(out.masks, expected)
    untouched = warp(prob=0)(dict(img=photo(), gt_masks=polygons))
    assert untouched['loma_region'] is None
    np.testing.assert_array_equal(
        untouched['gt_masks'].masks, polygons.to_bitmap().masks
    )


@pytest.mark.parametrize('dtype', ['int64', 'uint16', 'float32', 'float16', 'float64'])
def test_boxes_keep_their_type(monkeypatch, dtype):
    region, boxes = vanishing()
    boxes = boxes.astype(dtype)
    moved, kept = magnify_boxes(boxes, region, *SIZE)
    out = fixed(monkeypatch, region)(dict(img=photo(), gt_bboxes=boxes))['gt_bboxes']
    assert out.dtype == boxes.dtype
    np.testing.assert_array_equal(out, moved[kept])
    if dtype == 'uint16':
        return
    # PyTorch has more of them.
    for kind in (getattr(torch, dtype), torch.bfloat16):
        given = mmdet_bbox.HorizontalBoxes(boxes, dtype=kind)
        out = fixed(monkeypatch, region)(dict(img=photo(), gt_bboxes=given))
        assert out['gt_bboxes'].tensor.dtype == kind
        np.testing.assert_array_equal(out['gt_bboxes'].tensor.double(), moved[kept])


def test_numbers_of_a_byte_do_not_wrap_around(monkeypatch):
    region = MagnificationRegion((0, 0), 280.0, shape='rectangle')
    boxes = np.array([[200, 0, 250, 9]], np.uint8)
    img = np.zeros((20, 300), np.uint8)
    moved, _ = magnify_boxes(boxes, region, *img.shape)
    assert moved.max() > 255
    out = fixed(monkeypatch, region)(dict(img=img, gt_bboxes=boxes))
    np.testing.assert_array_equal(out['gt_bboxes'], moved)


def test_classes_of_an_instance_may_be_a_row(monkeypatch):
    region, boxes = vanishing()
    rows = np.eye(3)
    out = fixed(monkeypatch, region)(
        dict(img=photo(), gt_bboxes=boxes, gt_bboxes_labels=rows)
    )
    np.testing.assert_array_equal(out['gt_bboxes_labels'], rows[[0, 2]])


@pytest.mark.parametrize('prob', [0, 1])
def test_bitmaps_of_polygons_go_through_what_comes_after(prob):
    outline = np.array([20.0, 10, 60, 10, 60, 50, 20, 50])
    polygons = mmdet_mask.PolygonMasks([[outline]], *SIZE)
    masks = warp(prob=prob)(dict(img=photo(), gt_masks=polygons))['gt_masks']
    # As mmdet's LoadAnnotations makes them: OpenCV takes no bool.
    assert masks.masks.dtype == np.uint8
    assert masks.pad((90, 100)).masks.any()
    assert masks.resize((30, 40)).masks.any()
    assert masks.rotate(SIZE, 30).masks.any()


def test_no_instances():
    transform, _ = drawn(0)
    out = transform(
        dict(
            img=photo(),
            gt_bboxes=mmdet_bbox.HorizontalBoxes(np.zeros((0, 4), np.float32)),
            gt_bboxes_labels=np.zeros(0, np.int64),
            gt_masks=mmdet_mask.PolygonMasks([], *SIZE),
            gt_keypoints=np.zeros((0, 17, 3), np.float32),
            proposals=np.zeros((0, 4), np.float32),
            proposals_scores=np.zeros(0, np.float32),
        )
    )
    assert len(out['gt_bboxes']) == len(out['gt_masks']) == len(out['proposals']) == 0
    assert out['gt_keypoints'].shape == (0, 17, 3)


def test_proposals_go_with_their_scores(monkeypatch):
    region, boxes = vanishing()
    out = fixed(monkeypatch, region)(
        dict(
            img=photo(),
            gt_bboxes=boxes[:1],
            proposals=boxes,
            proposals_scores=np.array([0.9, 0.8, 0.7]),
        )
    )
    expected, kept = magnify_boxes(boxes, region, *SIZE)
    np.testing.assert_array_equal(out['proposals'], expected[kept])
    assert out['proposals_scores'].tolist() == [0.9, 0.7]
    assert len(out['gt_bboxes']) == 1


def test_maps_of_mmseg():
    transform, region = drawn(1)
    results = dict(
        img=photo(),
        gt_seg_map=photo(1)[..., 0].astype(np.int64),
        gt_depth_map=photo(2)[..., 0].astype(np.float32),
        # GenerateEdge does not name it among the seg_fields.
        gt_edge_map=photo(3)[..., 0],
        saliency=photo(4),
        seg_fields=['gt_seg_map', 'gt_depth_map', 'saliency'],
    )
    out = transform(dict(results))
    for key in (*results['seg_fields'], 'gt_edge_map'):
        np.testing.assert_array_equal(out[key], magnify_image(results[key], region))
        assert out[key].dtype == results[key].dtype


def test_panoptic_maps_agree_with_masks():
    """A map of ids and the mask of each id go the same way, stuff included."""
    transform, _ = drawn(2)
    ids = np.kron(np.arange(12).reshape(3, 4), np.ones((20, 20), int)) * 1000 + 7
    things = np.unique(ids)[:7]
    masks = np.stack([ids == thing for thing in things]).astype(np.uint8)
    out = transform(
        dict(
            img=photo(),
            gt_panoptic_seg=ids,
            gt_seg_map=(ids % 5).astype(np.uint8),
            gt_masks=mmdet_mask.BitmapMasks(masks, *SIZE),
            gt_instances_ids=things,
        )
    )
    assert (out['gt_panoptic_seg'] != ids).any()
    np.testing.assert_array_equal(out['gt_seg_map'], out['gt_panoptic_seg'] % 5)
    for mask, thing in zip(out['gt_masks'].masks, out['gt_instances_ids']):
        np.testing.assert_array_equal(mask, out['gt_panoptic_seg'] == thing)
