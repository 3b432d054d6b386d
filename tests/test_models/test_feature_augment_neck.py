"""FeatureAugmentNeck alone, in a classifier and in a detector."""

import copy
import os.path as osp
from collections import namedtuple

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from loma_mm import FeatureAugmentNeck, FeatureMapOffset
from loma_mm.functional import offset_feature

OFFSET = dict(type='FeatureMapOffset')
SIZES = ((8, 16), (4, 8), (2, 4))


def seeded(seed, function, *args, **kwargs):
    torch.manual_seed(seed)
    return function(*args, **kwargs)


def levels():
    return tuple(torch.rand(2, 3, *size) for size in SIZES)


def shift(x, seed):
    """What an ungated neck of one FO does to one level."""
    torch.manual_seed(seed)
    torch.rand((), dtype=torch.float64)  # the gate
    tx, ty = (max(x.shape[2:]) * f for f in FeatureMapOffset().draw())
    return offset_feature(x, tx, ty)


@pytest.mark.parametrize('kind', [tuple, list])
@pytest.mark.parametrize(
    'chosen, augmented',
    [
        (None, {0, 1, 2}),
        ((0,), {0}),
        ([1, -1], {1, 2}),
        ((-3, 0, 2), {0, 2}),
        ((), set()),
    ],
)
def test_chosen_levels_share_one_draw(chosen, augmented, kind):
    x = kind(levels())
    before = copy.deepcopy(x)
    neck = FeatureAugmentNeck([OFFSET], prob=1, levels=chosen)
    out = seeded(3, neck, x)
    assert type(out) is kind and len(out) == 3
    for i in range(3):
        expected = shift(x[i], seed=3) if i in augmented else x[i]
        assert torch.equal(out[i], expected)
        assert torch.equal(x[i], before[i])
    assert neck.eval()(x) is x


@pytest.mark.parametrize('chosen', [None, (0,)])
def test_levels_in_a_named_tuple(chosen):
    x = namedtuple('Levels', 'large small')(*levels()[:2])
    out = seeded(3, FeatureAugmentNeck([OFFSET], prob=1, levels=chosen), x)
    assert type(out) is type(x)
    assert torch.equal(out.large, shift(x.large, seed=3))


@pytest.mark.parametrize('chosen', [None, (0,), (-1,)])
def test_a_tensor_is_one_level(chosen):
    x = levels()[0]
    neck = FeatureAugmentNeck([OFFSET], prob=1, levels=chosen)
    out = seeded(3, neck, x)
    assert isinstance(out, torch.Tensor)
    assert torch.equal(out, shift(x, seed=3))
    assert neck.eval()(x) is x


def test_one_gate_for_all_levels():
    neck = FeatureAugmentNeck([OFFSET], prob=0.5, levels=(0, 2))
    x, hits = levels(), 0
    for seed in range(100):
        out = seeded(seed, neck, x)
        changed = {not torch.equal(a, b) for a, b in zip(x[::2], out[::2])}
        assert len(changed) == 1 and out[1] is x[1]
        hits += changed.pop()
    assert 30 < hits < 70


@pytest.mark.parametrize('chosen, found', [((0, 3), r'\[3\]'), ((-4,), r'\[-4\]')])
def test_level_out_of_range(chosen, found):
    neck = FeatureAugmentNeck([OFFSET], prob=0, levels=chosen)
    with pytest.raises(
        ValueError, match=rf'levels must be in \[-3, 3\) for 3 .* got {found}'
    ):
        neck(levels())


@pytest.mark.parametrize('bad', [1, '01', (0.5,), (True,), (None,)])
def test_bad_levels(bad):
    with pytest.raises(TypeError, match='levels must be None or a list'):
        FeatureAugmentNeck([OFFSET], levels=bad)


def test_other_bad_arguments():
    with pytest.raises(ValueError, match='prob .* got 2'):
        FeatureAugmentNeck([OFFSET], prob=2)
    with pytest.raises(TypeError, match='augments must be a list'):
        FeatureAugmentNeck(OFFSET)
    with pytest.raises(ValueError, match=r'shape \(B, C, H, W\), got \(2, 3'):
        FeatureAugmentNeck([OFFSET])(torch.rand(2, 3))


def test_repr():
    text = repr(FeatureAugmentNeck([OFFSET], prob=0.25, levels=[0, -1]))
    assert 'levels=(0, -1)' in text and 'prob=0.25' in text
    assert "FeatureMapOffset(gamma=0.25, interpolation='bilinear'" in text


def test_in_a_classifier():
    from mmpretrain.structures import DataSample

    def build(extra):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return MODELS.build(
                dict(
                    type='ImageClassifier',
                    backbone=dict(type='CIFARResNet', depth=8),
                    neck=[*extra, dict(type='GlobalAveragePooling')],
                    head=dict(type='LinearClsHead', num_classes=4, in_channels=64),
                )
            )

    plain, augmented = (
        seeded(0, build, []),
        seeded(1, build, [dict(type='FeatureAugmentNeck', augments=[OFFSET], prob=1)]),
    )
    # Its place in a list of necks holds nothing: the keys are the same.
    augmented.load_state_dict(plain.state_dict(), strict=True)
    x = torch.rand(2, 3, 32, 32)
    samples = [DataSample().set_gt_label(i) for i in range(2)]
    losses = [
        seeded(2, model.train(), x, samples, mode='loss')['loss']
        for model in (plain, augmented)
    ]
    assert losses[0] != losses[1]
    losses[1].backward()
    assert augmented.backbone.layer1[0].conv1.weight.grad.any()
    augmented.load_state_dict(plain.state_dict())  # running means
    plain.eval(), augmented.eval()
    assert torch.equal(plain(x), augmented(x))


def test_in_a_detector():
    import mmdet
    from mmdet.testing import demo_mm_inputs

    cfg = Config.fromfile(
        osp.join(
            osp.dirname(mmdet.__file__),
            '.mim',
            'configs',
            '_base_',
            'models',
            'faster-rcnn_r50_fpn.py',
        )
    ).model
    cfg.backbone.update(depth=18, base_channels=8, init_cfg=None)
    cfg.neck.update(in_channels=[8, 16, 32, 64], out_channels=16)
    cfg.rpn_head.update(in_channels=16, feat_channels=16)
    cfg.roi_head.bbox_roi_extractor.out_channels = 16
    cfg.roi_head.bbox_head.update(in_channels=16, fc_out_channels=16, num_classes=3)

    def build(extra):
        model = cfg.copy()
        if extra:
            model.neck = [model.neck, *extra]
        with DefaultScope.overwrite_default_scope('mmdet'):
            return MODELS.build(model)

    plain, augmented = (
        seeded(0, build, []),
        seeded(
            1,
            build,
            [dict(type='FeatureAugmentNeck', augments=[OFFSET], prob=1, levels=(0, 1))],
        ),
    )
    with DefaultScope.overwrite_default_scope('mmdet'):
        data = demo_mm_inputs(2, [[3, 64, 64], [3, 64, 64]], num_classes=3)
        data = plain.data_preprocessor(data, training=True)
        # A list of necks is an mmengine Sequential: its FPN is neck.0.
        augmented.load_state_dict(
            {
                key.replace('neck.', 'neck.0.', 1): value
                for key, value in plain.state_dict().items()
            },
            strict=True,
        )
        features = [
            seeded(2, model.train().extract_feat, data['inputs'])
            for model in (plain, augmented)
        ]
        assert [torch.equal(a, b) for a, b in zip(*features)] == [
            False,
            False,
            True,
            True,
            True,
        ]
        losses = seeded(2, augmented, **data, mode='loss')
        sum(
            sum(v) if isinstance(v, list) else v
            for k, v in losses.items()
            if 'loss' in k
        ).backward()
        assert augmented.neck[0].fpn_convs[0].conv.weight.grad.any()
        plain.eval(), augmented.eval()
        for a, b in zip(
            *(model.extract_feat(data['inputs']) for model in (plain, augmented))
        ):
            assert torch.equal(a, b)
