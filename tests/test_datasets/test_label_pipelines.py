"""The labels of a sample follow its pixels in the toolboxes' own pipelines."""

import copy
import warnings

import numpy as np
import pytest
import torch
from mmcv.transforms import TransformBroadcaster
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from loma_mm.datasets.transforms import labels
from loma_mm.functional import MagnificationRegion, magnify_boxes, magnify_image
from tests.label_samples import SIZE, fixed, painted, photo, some_boxes, warp

mmdet_bbox = pytest.importorskip('mmdet.structures.bbox')
mmdet_mask = pytest.importorskip('mmdet.structures.mask')


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


def test_broadcaster_shares_the_draw_with_labels():
    rng = np.random.default_rng(0)
    maps = [rng.integers(0, 9, SIZE) for _ in range(2)]
    results = dict(left=photo(), right=photo(), gt_left=maps[0], gt_right=maps[1])
    for share in (True, False):
        transform = TransformBroadcaster(
            [warp(prob=0.8)],
            mapping=dict(
                img=['left', 'right'],
                gt_seg_map=['gt_left', 'gt_right'],
                loma_region=['left_region', 'right_region'],
            ),
            auto_remap=True,
            allow_nonexist_keys=True,
            share_random_params=share,
        )
        same = []
        for seed in range(8):
            np.random.seed(seed)
            # Its fields under their outer names are none that stay.
            with warnings.catch_warnings():
                warnings.simplefilter('error')
                out = transform(dict(results))
            regions = out['left_region'], out['right_region']
            same.append(regions[0] == regions[1])
            for side, region, before in zip(('left', 'right'), regions, maps):
                expected = before if region is None else magnify_image(before, region)
                np.testing.assert_array_equal(out[f'gt_{side}'], expected)
        assert all(same) == share


def test_two_images_with_one_map():
    """Change detection: the map moves with the first, the second alike."""
    transform = TransformBroadcaster(
        [warp()],
        mapping=dict(
            img=['img', 'img2'],
            gt_seg_map=['gt_seg_map', ...],
            loma_region=['loma_region', ...],
        ),
        auto_remap=True,
        allow_nonexist_keys=True,
        share_random_params=True,
    )
    classes = photo(2)[..., 0]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        out = transform(dict(img=photo(), img2=photo(1), gt_seg_map=classes))
    for key, before in (('img', photo()), ('img2', photo(1)), ('gt_seg_map', classes)):
        moved = magnify_image(before, out['loma_region'])
        np.testing.assert_array_equal(out[key], moved)


def test_proposals_in_mmdet_s_broadcaster():
    """They take the place of the boxes, beside the masks of these."""
    init_default_scope('mmdet')
    np.random.seed(0)
    boxes = some_boxes()
    pipeline = TRANSFORMS.build(
        dict(
            type='ProposalBroadcaster',
            transforms=[dict(type='loma_mm.LocalMagnification', prob=1, labels='warp')],
        )
    )
    out = pipeline(
        dict(
            img=photo(),
            gt_bboxes=mmdet_bbox.HorizontalBoxes(boxes[:2]),
            gt_masks=mmdet_mask.BitmapMasks(painted(boxes[:2]), *SIZE),
            proposals=mmdet_bbox.HorizontalBoxes(boxes),
            proposals_scores=np.arange(6),
        )
    )
    moved, kept = magnify_boxes(boxes, out['loma_region'], *SIZE)
    np.testing.assert_array_equal(out['proposals'].numpy(), moved[kept])
    np.testing.assert_array_equal(out['gt_bboxes'].numpy(), moved[:2][kept[:2]])
    assert out['proposals_scores'].tolist() == np.flatnonzero(kept).tolist()
    assert len(out['gt_masks']) == kept[:2].sum()


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
