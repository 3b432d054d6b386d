"""Labels in the real pipelines of toolboxes that only some environments have."""

import copy

import numpy as np
import pytest
from mmcv.transforms import Compose
from mmengine.registry import init_default_scope

import loma_mm
from loma_mm.functional import magnify_boxes, magnify_image, magnify_points

# Among them.
mmcv = pytest.importorskip('mmcv')


@pytest.fixture
def scope(request):
    init_default_scope(request.param)
    yield
    init_default_scope('mmengine')


@pytest.mark.parametrize('scope', ['mmseg'], indirect=True)
def test_mmseg_packs_the_map_of_the_pixels(scope, tmp_path):
    """The photograph is its own map: they agree after all that moves pixels."""
    pytest.importorskip('mmseg.datasets.transforms')
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 5, (60, 80), np.uint8)
    mmcv.imwrite(classes, str(tmp_path / 'map.png'))
    mmcv.imwrite(np.dstack([classes] * 3), str(tmp_path / 'photo.png'))
    pipeline = Compose(
        [
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations'),
            dict(type='RandomCrop', crop_size=(40, 60), cat_max_ratio=0.75),
            dict(type='RandomFlip', prob=0.5),
            dict(type='loma_mm.LocalMagnification', prob=1.0, labels='warp'),
            dict(type='PackSegInputs', meta_keys=('loma_region',)),
        ]
    )
    sample = dict(
        img_path=str(tmp_path / 'photo.png'),
        seg_map_path=str(tmp_path / 'map.png'),
        reduce_zero_label=False,
        seg_fields=[],
    )
    for seed in range(5):
        np.random.seed(seed)
        packed = pipeline(copy.deepcopy(sample))
        assert packed['data_samples'].loma_region is not None
        label = packed['data_samples'].gt_sem_seg.data
        assert label.shape == (1, 40, 60)
        np.testing.assert_array_equal(packed['inputs'][0], label[0])


def pose(tmp_path, **kwargs):
    rng = np.random.default_rng(0)
    img = rng.integers(0, 256, (300, 400, 3), np.uint8)
    mmcv.imwrite(img, str(tmp_path / 'photo.png'))
    return dict(
        img_path=str(tmp_path / 'photo.png'),
        bbox=np.array([[100, 50, 220, 280]], np.float32),
        bbox_score=np.ones(1, np.float32),
        keypoints=rng.uniform([110, 60], [210, 270], (1, 17, 2)).astype(np.float32),
        keypoints_visible=np.ones((1, 17), np.float32),
        flip_indices=list(range(17)),
        flip_pairs=[],
        category_id=1,
        id=0,
        **kwargs,
    )


REGION = loma_mm.functional.MagnificationRegion((90, 120), 80.0, (1.0, 1.2))


@pytest.fixture
def fixed(monkeypatch):
    """LocalMagnification draws REGION."""

    class Fixed:
        def at(self, height, width):
            return REGION

    monkeypatch.setattr(loma_mm.LocalMagnification, '_draw', lambda self: Fixed())


LOMA = dict(type='loma_mm.LocalMagnification', prob=1.0, labels='warp')


@pytest.mark.parametrize('scope', ['mmpose'], indirect=True)
def test_mmpose_top_down(scope, tmp_path, fixed):
    """Between TopdownAffine and GenerateTarget, as documented."""
    pytest.importorskip('mmpose.datasets.transforms')
    pytest.importorskip('mmpose.codecs')
    codec = dict(
        type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2
    )
    cut = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='TopdownAffine', input_size=(192, 256)),
    ]
    before = Compose(cut)(pose(tmp_path))['transformed_keypoints'][0]
    points, visible = magnify_points(before, REGION, 256, 192)
    assert 0 < visible.sum() < 17
    packed = Compose(
        [
            *cut,
            LOMA,
            dict(type='GenerateTarget', encoder=codec),
            dict(type='PackPoseInputs', meta_keys=('loma_region',)),
        ]
    )(pose(tmp_path))
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 256, 192) and sample.loma_region == REGION
    weights = sample.gt_instance_labels.keypoint_weights[0]
    np.testing.assert_array_equal(weights, visible)
    # A heatmap's peak is where the point went: four pixels a cell.
    for heatmap, point, shown in zip(sample.gt_fields.heatmaps, points, visible):
        if shown:
            y, x = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
            assert abs(x - point[0] / 4) <= 1 and abs(y - point[1] / 4) <= 1


@pytest.mark.parametrize('scope', ['mmpose'], indirect=True)
def test_mmpose_bottom_up(scope, tmp_path, fixed):
    """BottomupRandomAffine leaves boxes as corners."""
    pytest.importorskip('mmpose.datasets.transforms')
    cut = [
        dict(type='LoadImage'),
        dict(type='BottomupRandomAffine', input_size=(256, 256), rotate_factor=30.0),
    ]
    np.random.seed(0)
    before = Compose(cut)(pose(tmp_path, mode='bottomup'))
    corners = before['bbox']
    assert corners.shape == (1, 4, 2)
    around = np.hstack([corners.min(1), corners.max(1)])
    boxes, kept = magnify_boxes(around, REGION, 256, 256)
    points, visible = magnify_points(before['keypoints'][0], REGION, 256, 256)
    assert kept[0] and (boxes != around).any() and not visible.all()
    np.random.seed(0)
    out = Compose([*cut, LOMA, dict(type='PackPoseInputs')])(
        pose(tmp_path, mode='bottomup')
    )
    found = out['data_samples'].gt_instances
    np.testing.assert_array_equal(found.bboxes.min(1), boxes[:, :2])
    np.testing.assert_array_equal(found.bboxes.max(1), boxes[:, 2:])
    np.testing.assert_array_equal(found.keypoints[0], points)
    np.testing.assert_array_equal(found.keypoints_visible[0], visible)


@pytest.mark.parametrize('scope', ['mmseg'], indirect=True)
def test_mmseg_packs_the_edges_of_the_pixels(scope, fixed):
    pytest.importorskip('mmseg.datasets.transforms')
    blocks = np.random.default_rng(0).integers(0, 4, (20, 16))
    classes = np.kron(blocks, np.ones((10, 10), int)).astype(np.uint8)
    edges = [dict(type='GenerateEdge', edge_width=4)]
    sample = dict(
        img=np.dstack([classes] * 3),
        gt_seg_map=classes,
        seg_fields=['gt_seg_map'],
        img_shape=classes.shape,
    )
    before = Compose(edges)(dict(sample))['gt_edge_map']
    packed = Compose([*edges, LOMA, dict(type='PackSegInputs')])(dict(sample))
    after = packed['data_samples'].gt_edge_map.data[0]
    np.testing.assert_array_equal(after, magnify_image(before, REGION))
    assert (after.numpy() != before).any()


@pytest.mark.parametrize('scope', ['mmpose'], indirect=True)
def test_mmpose_crowds_are_masked_where_they_went(scope, tmp_path, fixed):
    """BottomupGetHeatmapMask comes before, as documented."""
    pytest.importorskip('mmpose.datasets.transforms')
    outline = [[100.0, 50, 300, 50, 300, 250, 100, 250]]
    cut = [
        dict(type='LoadImage'),
        dict(type='BottomupRandomAffine', input_size=(256, 256), rotate_factor=30.0),
        dict(type='BottomupGetHeatmapMask'),
    ]
    masks = []
    for steps in (cut, [*cut, LOMA]):
        np.random.seed(0)
        out = Compose([*steps, dict(type='PackPoseInputs')])(
            pose(tmp_path, invalid_segs=[outline])
        )
        masks.append(out['data_samples'].gt_fields.heatmap_mask[0].numpy())
    np.testing.assert_array_equal(masks[1], magnify_image(masks[0], REGION))
    assert (masks[0] != masks[1]).any()
