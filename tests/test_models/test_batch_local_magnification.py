import copy
import warnings

import numpy as np
import pytest
import torch
from mmengine.registry import MODELS
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from scipy import stats

from loma_mm import BatchLocalMagnification
from loma_mm.errors import LomaWarning
from loma_mm.functional import magnify_image
from tests.test_functional.test_batch import one_by_one


def images(count=4, height=24, width=30):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (count, 3, height, width), np.uint8))


def drawn(augment, seed, sizes):
    """The regions that a module draws after this seed."""
    torch.manual_seed(seed)
    regions = list(augment._draw(np.array(sizes)))
    torch.manual_seed(seed)
    return regions


@pytest.mark.parametrize('shape', ['rhombus', 'ellipse', 'rectangle'])
def test_a_region_of_its_own_for_each_image(shape):
    augment = BatchLocalMagnification(0.7, shape, (0.3, 0.6), (1, 2))
    x = images(16)
    before = x.clone()
    regions = drawn(augment, 0, [(24, 30)] * 16)
    out = augment(x)
    assert torch.equal(x, before)
    assert 0 < regions.count(None) < 16
    assert len({region for region in regions if region}) == 16 - regions.count(None)
    assert {region.shape for region in regions if region} == {shape}
    assert torch.equal(out, one_by_one(x, regions, [(24, 30)] * 16))


def test_draws_are_those_of_the_paper():
    augment = BatchLocalMagnification(prob=0.3)
    torch.manual_seed(0)
    regions = augment._draw(np.array([(37, 50)] * 20000))
    drawn = [region for region in regions if region is not None]
    centers = np.array([region.center for region in drawn])
    ratios = np.array([region.ratios for region in drawn])
    assert ((ratios == 1).sum(1) == 1).all()
    p_values = [
        stats.binomtest(len(drawn), len(regions), 0.3).pvalue,
        stats.chisquare(np.bincount(centers[:, 0], minlength=50)).pvalue,
        stats.chisquare(np.bincount(centers[:, 1], minlength=37)).pvalue,
        stats.kstest([r.radius / 50 for r in drawn], 'uniform', (0.03, 0.67)).pvalue,
        stats.kstest(ratios.max(1), 'uniform', (1, 2)).pvalue,
        stats.binomtest(int((ratios[:, 0] != 1).sum()), len(drawn)).pvalue,
    ]
    assert min(p_values) > 1e-3, p_values


@pytest.mark.parametrize('shape', ['rhombus', 'ellipse', 'rectangle'])
def test_a_batch_is_drawn_as_its_images_are(shape):
    """Same numbers, same regions, to the last bit."""
    sampler = BatchLocalMagnification(shape=shape, ratio_range=(0.5, 3)).sampler
    rng = np.random.default_rng(0)
    uniform = rng.random((200, 5))
    uniform[0], uniform[1], uniform[2] = 0, 1 - 2**-53, 0.5
    sizes = rng.integers(1, 400, (200, 2))
    one_by_one = [
        sampler.draw(iter(row).__next__).at(*size)
        for row, size in zip(uniform.tolist(), sizes.tolist())
    ]
    assert list(sampler.draw_batch(uniform, sizes)) == one_by_one


def test_training_mode_alone():
    augment = BatchLocalMagnification(prob=1).eval()
    x = images()
    state = torch.get_rng_state()
    assert augment(x) is x
    assert augment(x, None) == (x, None)
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(augment.train()(x), x)
    assert not list(augment.parameters()) and not augment.state_dict()


def test_nothing_is_read_back_from_the_device():
    x = torch.empty(4, 3, 8, 8, device='meta')
    out = BatchLocalMagnification(prob=1)(x)
    assert out.device.type == 'meta' and out.shape == x.shape


def test_in_mmdet_s_data_preprocessor():
    pytest.importorskip('mmdet')
    from mmdet.models import DetDataPreprocessor
    from mmdet.structures import DetDataSample

    preprocessor = DetDataPreprocessor(
        mean=[0, 0, 0],
        std=[1, 1, 1],
        pad_size_divisor=32,
        pad_value=7,
        batch_augments=[
            dict(
                type='loma_mm.BatchLocalMagnification',
                prob=1,
                radius_range=(0.3, 0.6),
            )
        ],
    )
    augment = preprocessor.batch_augments[0]
    sizes = [(40, 60), (50, 33)]
    inputs = [images(1, *size)[0] for size in sizes]
    samples = [
        DetDataSample(metainfo=dict(img_shape=size, ori_shape=size)) for size in sizes
    ]
    data = dict(inputs=inputs, data_samples=samples)
    untouched = preprocessor(copy.deepcopy(data), training=False)['inputs']
    regions = drawn(augment, 3, sizes)
    out = preprocessor(copy.deepcopy(data), training=True)
    assert out['inputs'].shape == (2, 3, 64, 64) and len(out['data_samples']) == 2
    for n, (h, w) in enumerate(sizes):
        part = inputs[n].permute(1, 2, 0).numpy()
        expected = torch.from_numpy(magnify_image(part, regions[n])).permute(2, 0, 1)
        assert torch.equal(out['inputs'][n, :, :h, :w], expected.float())
        padding = torch.ones(64, 64, dtype=torch.bool)
        padding[:h, :w] = False
        assert (out['inputs'][n, :, padding] == 7).all()
        assert not torch.equal(out['inputs'][n], untouched[n])
    # Without samples MMDetection passes None.
    assert preprocessor(dict(inputs=inputs, data_samples=None), training=True)


def test_padding_is_known_from_dicts_too():
    augment = BatchLocalMagnification(1, radius_range=(0.6, 0.7))
    sizes = [(20, 30), (24, 13), (24, 30), (9, 9)]
    regions = drawn(augment, 0, sizes)
    samples = [dict(img_shape=size) for size in sizes]
    out, same = augment(images(), samples)
    assert same is samples
    assert torch.equal(out, one_by_one(images(), regions, sizes))


@pytest.mark.parametrize(
    'fields',
    [
        dict(gt_instances=InstanceData(masks=torch.zeros(1, 24, 30))),
        dict(gt_instances=InstanceData(keypoints=torch.zeros(1, 17, 2))),
        dict(gt_sem_seg=PixelData(data=torch.zeros(1, 24, 30))),
        dict(gt_fields=PixelData(heatmaps=torch.zeros(17, 24, 30))),
    ],
)
def test_dense_labels_that_stay_are_warned_of_once(fields):
    dense = [BaseDataElement(metainfo=dict(img_shape=(24, 30)), **fields)] * 4
    boxes = [BaseDataElement(gt_instances=InstanceData(bboxes=torch.zeros(1, 4)))] * 4
    augment = BatchLocalMagnification(prob=1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        # boxes that stay are the paper's rule
        augment(images(), boxes)
        augment.eval()(images(), dense)
    with pytest.warns(LomaWarning, match="LocalMagnification.labels='warp'"):
        augment.train()(images(), dense)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        augment(images(), dense)
        augment(images()[:0], [])


def test_in_mmpretrain_s_data_preprocessor():
    pytest.importorskip('mmpretrain')
    from mmpretrain.models import ClsDataPreprocessor
    from mmpretrain.structures import DataSample

    preprocessor = ClsDataPreprocessor(
        num_classes=5,
        batch_augments=dict(
            augments=[
                dict(type='loma_mm.BatchLocalMagnification', prob=1),
                dict(type='Mixup', alpha=0.8),
            ],
            probs=[1.0, 0.0],
        ),
    )
    x = images().float()
    samples = [DataSample().set_gt_label(n) for n in range(4)]
    regions = drawn(preprocessor.batch_augments.augments[0], 5, [(24, 30)] * 4)
    out = preprocessor(dict(inputs=x, data_samples=samples), training=True)
    assert torch.equal(out['inputs'], one_by_one(x, regions, [(24, 30)] * 4))
    scores = torch.stack([sample.gt_score for sample in out['data_samples']])
    # as its cross entropy wants them
    assert scores.is_floating_point() and torch.equal(scores, torch.eye(5)[:4])


def test_class_numbers_stay_whole():
    labels = torch.arange(4)
    for augment in (BatchLocalMagnification(1.0), BatchLocalMagnification().eval()):
        assert augment(images(), labels)[1] is labels


def test_is_built_from_a_config_and_shows_it():
    augment = MODELS.build(dict(type='BatchLocalMagnification', prob=0.25))
    assert repr(augment) == (
        "BatchLocalMagnification(prob=0.25, shape='rhombus', "
        'radius_range=(0.03, 0.7), ratio_range=(1.0, 3.0))'
    )
    for name, value in (('prob', 2), ('shape', 'disc'), ('ratio_range', (0, 1))):
        with pytest.raises(ValueError, match=name):
            BatchLocalMagnification(**{name: value})


def test_a_sample_without_a_size_has_no_padding():
    augment = BatchLocalMagnification(1.0, radius_range=(0.3, 0.6))
    regions = drawn(augment, 0, [(24, 30)] * 2)
    x, samples = images(2), [object(), object()]
    out, same = augment(x, samples)
    assert same is samples
    assert torch.equal(out, one_by_one(x, regions, [(24, 30)] * 2))


def test_a_crop_of_mmpose_is_no_photograph():
    augment = BatchLocalMagnification(1.0, radius_range=(0.3, 0.6))
    regions = drawn(augment, 0, [(24, 30)] * 2)
    samples = [
        BaseDataElement(metainfo=dict(img_shape=size, input_size=(30, 24)))
        for size in ((480, 640), (12, 10))
    ]
    out, _ = augment(images(2), samples)
    assert torch.equal(out, one_by_one(images(2), regions, [(24, 30)] * 2))


@pytest.mark.parametrize('size', [(25, 30), (24, 31), (24,), 24, ('a', 'b'), (-1, 3)])
def test_a_size_that_cannot_be_is_named(size):
    sample = type('Sample', (), {'img_shape': size})()
    with pytest.raises(ValueError, match='img_shape'):
        BatchLocalMagnification(1.0)(images(1), [sample])
