"""The labels of a sample follow its pixels, in the toolboxes' own pipelines."""

import copy
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from mmcv.transforms import TransformBroadcaster
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from loma_mm import LocalMagnification
from loma_mm.datasets.transforms import labels
from loma_mm.functional import (
    MagnificationRegion,
    magnify_boxes,
    magnify_image,
    magnify_points,
)

mmdet_bbox = pytest.importorskip('mmdet.structures.bbox')
mmdet_mask = pytest.importorskip('mmdet.structures.mask')

SIZE = HEIGHT, WIDTH = 60, 80


def warp(**kwargs):
    return LocalMagnification(**{'prob': 1, 'labels': 'warp', **kwargs})


def drawn(seed, **kwargs):
    """A transform whose next region is known, and that region."""
    np.random.seed(seed)
    transform = warp(**kwargs)
    region = transform._random_region().at(*SIZE)
    np.random.seed(seed)
    return transform, region


def photo(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)


def some_boxes(count=6):
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 1, (count, 2, 2)) * [WIDTH, HEIGHT]
    return np.hstack([corners.min(1), corners.max(1) + 1]).astype(np.float32)


def painted(boxes):
    j, i = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack(
        [
            (np.floor(x1) <= i) & (i < x2) & (np.floor(y1) <= j) & (j < y2)
            for x1, y1, x2, y2 in boxes
        ]
    ).astype(np.uint8)


def vanishing(seed=0):
    """A region in which the second of three boxes vanishes, and the boxes."""
    region = MagnificationRegion((40, 30), 20.0, (2.0, 2.0), 'rectangle')
    boxes = np.array([[30, 20, 50, 40], [46, 29, 48, 31], [1, 1, 9, 9]], np.float32)
    _, kept = magnify_boxes(boxes, region, *SIZE)
    assert kept.tolist() == [True, False, True]
    return region, boxes


def fixed(monkeypatch, region):
    """A transform that draws this region."""

    class Fixed:
        def at(self, height, width):
            return region

    transform = warp()
    monkeypatch.setattr(transform, '_draw', Fixed)
    return transform


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
        gt_edge_map=photo(3)[..., 0],
        seg_fields=['gt_seg_map', 'gt_depth_map', 'gt_edge_map'],
    )
    out = transform(dict(results))
    for key in results['seg_fields']:
        np.testing.assert_array_equal(out[key], magnify_image(results[key], region))
        assert out[key].dtype == results[key].dtype
    with pytest.raises(ValueError, match=r"'gt_seg_map'.*30 x 40.*60 x 80"):
        warp()(dict(img=photo(), gt_seg_map=np.zeros((30, 40))))


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


def test_what_is_nearly_gone_is_filtered_by_mmdet(monkeypatch):
    """MMDetection has the threshold for what is still an instance."""
    init_default_scope('mmdet')
    region = MagnificationRegion((40, 30), 20.0, (2.0, 2.0), 'rectangle')
    boxes = np.array([[30, 20, 50, 40], [49, 22, 54, 38]], np.float32)
    moved, kept = magnify_boxes(boxes, region, *SIZE)
    width = moved[1, 2] - moved[1, 0]
    assert kept.all() and width < 5
    results = dict(img=photo(), gt_bboxes_labels=np.array([7, 8]))
    results['gt_bboxes'] = mmdet_bbox.HorizontalBoxes(boxes)
    out = fixed(monkeypatch, region)(results)
    for least, labels_left in ((1, [7, 8]), (5, [7])):
        small = TRANSFORMS.build(
            dict(type='FilterAnnotations', min_gt_bbox_wh=(least, least))
        )
        left = small(copy.deepcopy(out))['gt_bboxes_labels'].tolist()
        assert left == labels_left


def test_a_region_is_replayed_on_another_sample():
    """What a packed sample records gives another the same map."""
    init_default_scope('mmdet')
    np.random.seed(3)
    out = warp()(dict(img=photo(), gt_bboxes=some_boxes(), img_id=1))
    pack = TRANSFORMS.build(
        dict(type='PackDetInputs', meta_keys=('img_id', 'loma_region'))
    )
    region = pack(out)['data_samples'].loma_region
    np.testing.assert_array_equal(magnify_image(photo(), region), out['img'])
    again = labels.warp_labels(dict(img=photo(1), gt_bboxes=some_boxes()), region)
    np.testing.assert_array_equal(again['gt_bboxes'], out['gt_bboxes'])
    untouched = warp(prob=0)(dict(img=photo(), gt_bboxes=some_boxes(), img_id=1))
    assert pack(untouched)['data_samples'].loma_region is None


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
        ],
        np.float32,
    )
    boxes = np.hstack([corners.min(1), corners.max(1)])
    moved, kept = magnify_boxes(boxes, region, *SIZE)
    assert kept.tolist() == [True, True, False] and (moved[0] != boxes[0]).any()
    before = corners.copy()
    new = labels.warp_labels(
        dict(img=photo(), bbox=corners, category_id=[1, 2, 3]), region
    )
    x1, y1, x2, y2 = moved[0]
    assert new['bbox'][0].tolist() == [[x1, y1], [x1, y2], [x2, y1], [x2, y2]]
    np.testing.assert_array_equal(new['bbox'][1], corners[1])
    assert len(new['bbox']) == 2 and new['category_id'] == [1, 2]
    np.testing.assert_array_equal(corners, before)


class RotatedBoxes(mmdet_bbox.BaseBoxes):
    """As MMRotate has them."""

    box_dim = 5

    def _stub(self, *args, **kwargs):
        raise NotImplementedError

    centers = areas = widths = heights = property(_stub)
    flip_ = translate_ = clip_ = rotate_ = project_ = rescale_ = resize_ = _stub
    is_inside = find_inside_points = overlaps = from_instance_masks = _stub


@pytest.mark.parametrize(
    'key, value, error',
    [
        ('gt_bboxes', RotatedBoxes(np.zeros((2, 5), np.float32)), TypeError),
        ('gt_bboxes', np.zeros((2, 5), np.float32), TypeError),
        ('gt_bboxes', torch.zeros(2, 4), TypeError),
        ('proposals', np.zeros((2, 5), np.float32), TypeError),
        ('gt_masks', [np.zeros(SIZE)], TypeError),
        ('more_boxes', RotatedBoxes(np.zeros((2, 5), np.float32)), ValueError),
        ('gt_bboxes_3d', np.zeros((2, 7)), ValueError),
        ('gt_polygons', [np.zeros(8), np.zeros(10)], ValueError),
        ('points', np.zeros((100, 4)), ValueError),
        ('gt_flow', np.zeros((*SIZE, 2)), ValueError),
        ('motion', np.zeros((*SIZE, 2)), ValueError),
    ],
)
@pytest.mark.parametrize('prob', [0, 1])
def test_what_cannot_move_is_an_error(key, value, error, prob):
    with pytest.raises(error, match=f"'{key}'"):
        warp(prob=prob)({'img': photo(), key: value})
    LocalMagnification(prob=prob)({'img': photo(), key: value})


@pytest.mark.parametrize(
    'key, value',
    [
        ('gt_seg_map', np.zeros(SIZE, np.uint8)),
        ('gt_masks', mmdet_mask.BitmapMasks(np.zeros((1, *SIZE), np.uint8), *SIZE)),
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


def test_broadcaster_shares_the_draw_with_labels():
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 9, SIZE) for _ in range(2)]
    results = dict(left=photo(), right=photo(), left_map=maps[0], right_map=maps[1])
    for share in (True, False):
        transform = TransformBroadcaster(
            [warp(prob=0.8)],
            mapping=dict(
                img=['left', 'right'],
                gt_seg_map=['left_map', 'right_map'],
                loma_region=['left_region', 'right_region'],
            ),
            auto_remap=True,
            allow_nonexist_keys=True,
            share_random_params=share,
        )
        same = []
        for seed in range(8):
            np.random.seed(seed)
            out = transform(dict(results))
            regions = out['left_region'], out['right_region']
            same.append(regions[0] == regions[1])
            for side, region, before in zip(('left', 'right'), regions, maps):
                expected = before if region is None else magnify_image(before, region)
                np.testing.assert_array_equal(out[f'{side}_map'], expected)
        assert all(same) == share


def test_frames_of_a_video_in_mmdet():
    """Its tracking pipelines scatter every field over the frames."""
    init_default_scope('mmdet')
    pipeline = TRANSFORMS.build(
        dict(
            type='TransformBroadcaster',
            share_random_params=True,
            transforms=[dict(type='loma_mm.LocalMagnification', prob=1, labels='warp')],
        )
    )
    boxes = some_boxes()
    np.random.seed(0)
    out = pipeline(
        dict(
            img=[photo(), photo(1)],
            img_id=[4, 5],
            gt_bboxes=[mmdet_bbox.HorizontalBoxes(b) for b in (boxes, boxes[:3])],
            gt_bboxes_labels=[np.zeros(6, int), np.zeros(3, int)],
            gt_instances_ids=[np.arange(6), np.arange(3)],
        )
    )
    region, other = out['loma_region']
    assert region == other
    for frame, given in enumerate((boxes, boxes[:3])):
        expected, kept = magnify_boxes(given, region, *SIZE)
        np.testing.assert_array_equal(out['gt_bboxes'][frame].numpy(), expected[kept])
        assert out['gt_instances_ids'][frame].tolist() == np.flatnonzero(kept).tolist()


def test_after_mosaic_and_mixup_of_mmdet(coco):
    init_default_scope('mmdet')
    load = [
        dict(type='LoadImageFromFile'),
        dict(type='LoadAnnotations', with_bbox=True, with_mask=False),
    ]
    dataset = DATASETS.build(
        dict(
            type='MultiImageMixDataset',
            dataset=dict(
                type='CocoDataset',
                data_root=str(coco),
                ann_file='instances.json',
                data_prefix=dict(img=''),
                metainfo=dict(classes=('disc',)),
                pipeline=load,
            ),
            pipeline=[
                dict(type='Mosaic', img_scale=(96, 128)),
                dict(type='MixUp', img_scale=(96, 128), ratio_range=(0.8, 1.6)),
                dict(type='loma_mm.LocalMagnification', prob=1, labels='warp'),
                dict(
                    type='PackDetInputs',
                    meta_keys=('img_id', 'img_shape', 'loma_region'),
                ),
            ],
        )
    )
    count = 0
    for seed in range(4):
        np.random.seed(seed)
        for sample in dataset:
            data = sample['data_samples']
            assert isinstance(data.loma_region, MagnificationRegion)
            boxes = data.gt_instances.bboxes.tensor
            assert len(boxes) == len(data.gt_instances.labels)
            assert (boxes[:, 2:] > boxes[:, :2]).all()
            height, width = sample['inputs'].shape[1:]
            assert (boxes >= 0).all()
            assert (boxes <= torch.tensor([width, height] * 2)).all()
            count += len(boxes)
    assert count > 20


def test_masks_in_a_pipeline_of_mmdet(coco):
    init_default_scope('mmdet')
    dataset = DATASETS.build(
        dict(
            type='CocoDataset',
            data_root=str(coco),
            ann_file='instances.json',
            data_prefix=dict(img=''),
            metainfo=dict(classes=('disc',)),
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
                dict(type='Resize', scale=(160, 120), keep_ratio=True),
                dict(type='RandomFlip', prob=0.5),
                dict(type='loma_mm.LocalMagnification', prob=1, labels='warp'),
                dict(type='PackDetInputs', meta_keys=('loma_region',)),
            ],
        )
    )
    background = 40
    for seed in range(5):
        np.random.seed(seed)
        for sample in dataset:
            instances = sample['data_samples'].gt_instances
            assert len(instances.masks) == len(instances.bboxes) > 0
            # Whatever is under a mask is a disc (its rim aside), wherever it
            # went; where masks stay this fails.
            img = sample['inputs'].numpy().max(0)
            union = instances.masks.masks.any(0)
            assert (img[union] > background + 5).mean() > 0.85
            assert (img[~union] > background + 5).mean() < 0.1


def test_classification_pipelines_have_nothing_to_warp():
    pytest.importorskip('mmpretrain')
    init_default_scope('mmpretrain')
    pipeline = TRANSFORMS.build(
        dict(
            type='Compose',
            transforms=[
                dict(type='loma_mm.LocalMagnification', prob=1, labels='warp'),
                dict(type='PackInputs', meta_keys=('loma_region',)),
            ],
        )
    )
    sample = pipeline(dict(img=photo(), gt_label=1, img_shape=SIZE))
    region = sample['data_samples'].loma_region
    np.testing.assert_array_equal(
        sample['inputs'].permute(1, 2, 0).numpy(), magnify_image(photo(), region)
    )


def test_warping_imports_no_toolbox():
    code = (
        'import sys, numpy as np, loma_mm\n'
        "t = loma_mm.LocalMagnification(prob=1, labels='warp')\n"
        't(dict(img=np.zeros((9, 9)), gt_bboxes=np.ones((1, 4))))\n'
        'print({"mmdet", "mmpretrain"} & set(sys.modules))'
    )
    out = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert out.stdout.strip() == 'set()', out.stderr
