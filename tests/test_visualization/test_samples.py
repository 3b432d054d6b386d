"""Before and after, on real datasets of both toolboxes."""

import mmcv
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope

from loma_mm.errors import DataError
from loma_mm.running import load_config
from loma_mm.visualization import BeforeAfter
from tests.helpers import ROOT

DEMO = (
    ROOT
    / 'configs'
    / 'faster_rcnn'
    / 'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
)
LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True)]
FLIP = dict(type='RandomFlip', prob=1.0)
PACK = dict(type='PackDetInputs')


@pytest.fixture
def cfg(digits):
    """The detection demo; each image is flipped and nothing else."""
    cfg = load_config(str(DEMO), dict(data_root=f'{digits}/'))
    cfg.train_dataloader.dataset.pipeline = [*LOAD, FLIP, PACK]
    init_default_scope('mmdet')
    return cfg


def boxes(sample):
    boxes = sample.data_sample.gt_instances.bboxes
    return getattr(boxes, 'tensor', boxes).numpy()


def test_before_is_the_file_and_after_what_training_gets(cfg):
    samples = BeforeAfter(cfg)
    assert len(samples) == 16
    for index in (3, 0):
        before, after = samples[index]
        info = samples.dataset.get_data_info(index)
        img = mmcv.imread(info['img_path'], channel_order='rgb')
        np.testing.assert_array_equal(before.image, img)
        np.testing.assert_array_equal(
            boxes(before), [item['bbox'] for item in info['instances']]
        )
        np.testing.assert_array_equal(after.image, img[:, ::-1])
        np.testing.assert_array_equal(
            boxes(after)[:, [0, 2]], 160 - boxes(before)[:, [2, 0]]
        )
        np.testing.assert_array_equal(
            after.inputs.numpy()[::-1].transpose(1, 2, 0), after.image
        )


def test_colours_are_right_for_a_network_that_takes_bgr(cfg):
    cfg.model.data_preprocessor.bgr_to_rgb = False
    before, _ = BeforeAfter(cfg)[0]
    img = mmcv.imread(before.data_sample.img_path, channel_order='rgb')
    assert (img[..., 0] != img[..., 2]).any()
    np.testing.assert_array_equal(before.image, img)


def test_other_splits(cfg):
    samples = BeforeAfter(cfg, 'test')
    assert len(samples) == 4
    assert samples[1][0].image.shape == (160, 160, 3)


def test_wrappers(cfg):
    train = cfg.train_dataloader.dataset
    other = train.copy()
    other.ann_file = 'ImageSets/Main/test.txt'
    other.pipeline = [*LOAD, PACK]
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset',
        times=2,
        dataset=dict(type='ConcatDataset', datasets=[train, other]),
    )
    samples = BeforeAfter(cfg)
    assert len(samples) == 40
    for index, flipped in ((0, True), (17, False), (21, True), (39, False)):
        before, after = samples[index]
        path = samples.dataset.get_data_info(index)['img_path']
        assert before.data_sample.img_path == path
        expected = before.image[:, ::-1] if flipped else before.image
        np.testing.assert_array_equal(after.image, expected)


def test_of_a_mosaic_the_image_it_began_with(cfg):
    inner = cfg.train_dataloader.dataset
    inner.pipeline = LOAD
    cfg.train_dataloader.dataset = dict(
        type='MultiImageMixDataset',
        dataset=inner,
        pipeline=[dict(type='Mosaic', img_scale=(160, 160)), PACK],
    )
    before, after = BeforeAfter(cfg)[5]
    img = mmcv.imread(after.data_sample.img_path, channel_order='rgb')
    np.testing.assert_array_equal(before.image, img)
    assert after.image.shape == (320, 320, 3)


@TRANSFORMS.register_module()
class RejectImage:
    """Reject one image, as crops without a box do."""

    def __init__(self, path):
        self.path = path

    def __call__(self, results):
        return None if results['img_path'] == self.path else results


def test_a_rejected_sample_is_replaced_in_both(cfg):
    path = BeforeAfter(cfg)[2][0].data_sample.img_path
    cfg.train_dataloader.dataset.pipeline.insert(2, dict(type='RejectImage', path=path))
    before, after = BeforeAfter(cfg)[2]
    assert before.data_sample.img_path == after.data_sample.img_path != path
    np.testing.assert_array_equal(after.image, before.image[:, ::-1])


@DATASETS.register_module()
class HeldImages(BaseDataset):
    """Images in memory, grey as MNIST's or coloured as CIFAR's."""

    def __init__(self, channels, **kwargs):
        self.channels = channels
        super().__init__(**kwargs)

    def load_data_list(self):
        shape = (8, 8, self.channels)
        return [
            dict(img=np.full(shape, 40 * i, np.uint8), gt_label=i) for i in range(4)
        ]


def held(*steps, channels=1):
    init_default_scope('mmpretrain')
    pipeline = [*steps, dict(type='mmpretrain.PackInputs')]
    return Config(
        dict(
            model=dict(),
            train_dataloader=dict(
                dataset=dict(type='HeldImages', channels=channels, pipeline=pipeline)
            ),
        )
    )


def test_images_held_by_the_dataset():
    before, after = BeforeAfter(held(dict(type='LocalMagnification')))[3]
    assert before.data_sample.gt_label == after.data_sample.gt_label == 3
    np.testing.assert_array_equal(before.image, np.full((8, 8, 3), 120, np.uint8))


def test_before_survives_a_transform_that_writes():
    noise = dict(type='mmpretrain.RandomErasing', erase_prob=1.0, fill_color=255)
    before, after = BeforeAfter(held(noise, channels=3))[0]
    assert (before.image == 0).all() and (after.image == 255).any()


@pytest.mark.parametrize('index', [-1, 4])
def test_no_such_sample(index):
    with pytest.raises(
        DataError, match=f'4 samples, counted from 0.*no sample {index}'
    ):
        BeforeAfter(held())[index]


def test_several_views_are_refused():
    views = dict(
        type='mmpretrain.MultiView',
        num_views=2,
        transforms=[[dict(type='LocalMagnification')]],
    )
    with pytest.raises(DataError, match='its inputs are a list'):
        BeforeAfter(held(views))[0]
