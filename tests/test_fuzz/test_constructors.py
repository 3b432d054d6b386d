"""Every class: what it is built from, right or named in the error.

What could be built is used, on small images, maps and batches.
"""

import inspect
import types
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import loma_mm
from loma_mm.engine import CPUOptimWrapper
from loma_mm.engine.hooks import ProbScheduleHook
from loma_mm.evaluation import occlude
from loma_mm.sampler import RegionSampler
from tests.test_fuzz import wild


def augment(transform):
    img = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    out = transform(dict(img=img))['img']
    assert out.shape == img.shape and out.dtype == img.dtype
    if getattr(transform, 'prob', 1) == 0:
        np.testing.assert_array_equal(out, img)


def on_maps(module):
    x = torch.randn(2, 3, 6, 5)
    out = module.train()(x)
    assert out.shape == x.shape and out.dtype == x.dtype
    assert module.eval()(x) is x


def on_batch(module):
    x = torch.randint(0, 256, (2, 3, 6, 5), dtype=torch.uint8)
    out = module.train()(x)
    assert set(out.unique().tolist()) <= set(x.unique().tolist())


def as_neck(module):
    x = torch.randn(2, 3, 6, 5), torch.randn(2, 3, 3, 3)
    outside = [i for i in module.levels or () if not -2 <= i < 2]
    if outside:
        with pytest.raises(ValueError, match='levels'):
            module.train()(x)
    else:
        assert [y.shape for y in module.train()(x)] == [y.shape for y in x]


def as_net(module):
    out = module.eval()(torch.randn(1, next(module.stem.parameters()).shape[1], 8, 8))
    assert all(torch.isfinite(level).all() for level in out)


def draws(sampler):
    rng = np.random.default_rng(0)
    region = sampler.draw(rng.random).at(20, 30)
    assert region.shape == sampler.shape
    assert region.radius > 0 and all(a > 0 for a in region.ratios)


def follows(hook):
    assert all(0 <= hook.factor(t, 9) <= 1 for t in range(10))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1))
        self.layer2 = nn.Sequential(nn.Conv2d(4, 2, 3, padding=1))

    def forward(self, x):
        return self.layer2(self.layer1(x))


def as_backbone(backbone):
    if isinstance(backbone, Tiny):
        assert backbone.train()(torch.randn(1, 3, 5, 6)).shape == (1, 2, 5, 6)


def nothing(built):
    pass


class Made(NamedTuple):
    """Something public: valid arguments, and what to do with the result."""

    make: Any
    use: Any = nothing
    # what it cannot do without
    needed: dict = types.MappingProxyType({})
    # arguments that are known to be ignored, or another package's
    passed_on: tuple = ()


OFFSET = dict(type='loma_mm.FeatureMapOffset')
AUGMENTS = dict(augments=[OFFSET])


def optim_wrapper(**arguments):
    weight = nn.Parameter(torch.zeros(1))
    return CPUOptimWrapper(optimizer=torch.optim.SGD([weight], lr=0.1), **arguments)


PUBLIC = {
    'LocalMagnification': Made(loma_mm.LocalMagnification, augment),
    'BatchLocalMagnification': Made(loma_mm.BatchLocalMagnification, on_batch),
    'FeatureLocalMagnification': Made(
        loma_mm.FeatureLocalMagnification, on_maps, passed_on=('in_channels',)
    ),
    'FeatureMapOffset': Made(
        loma_mm.FeatureMapOffset, on_maps, passed_on=('in_channels',)
    ),
    'RandomFeatureAugment': Made(
        loma_mm.RandomFeatureAugment, nothing, AUGMENTS, ('in_channels',)
    ),
    'FeatureAugmentNeck': Made(loma_mm.FeatureAugmentNeck, as_neck, AUGMENTS),
    'FeatureAugmentBackbone': Made(
        loma_mm.FeatureAugmentBackbone, as_backbone, dict(backbone=Tiny)
    ),
    'CIFARResNet': Made(
        loma_mm.CIFARResNet, as_net, dict(depth=8), ('with_cp', 'init_cfg')
    ),
    'WideResNet': Made(
        loma_mm.WideResNet,
        as_net,
        dict(depth=10, widen_factor=1),
        ('with_cp', 'init_cfg'),
    ),
    'PyramidNet': Made(
        loma_mm.PyramidNet, as_net, dict(depth=11, alpha=3), ('with_cp', 'init_cfg')
    ),
    'RegionSampler': Made(
        RegionSampler,
        draws,
        dict(shape='rhombus', radius_range=(0.1, 0.5), ratio_range=(1, 2)),
    ),
    'ProbScheduleHook': Made(ProbScheduleHook, follows, passed_on=('by_epoch',)),
    'CPUOptimWrapper': Made(optim_wrapper, nothing, dict(dtype='float32')),
    'occlude': Made(
        occlude, nothing, dict(images=torch.zeros(1, 2, 4, 5), kind='center', size=2)
    ),
}
# Nets this large take seconds to build; nothing is wrong with them.
MOST = 40


def arguments_of(made):
    if made.make is optim_wrapper:
        return ['dtype']
    return [
        name
        for name in inspect.signature(made.make).parameters
        if name not in made.passed_on
    ]


def is_large(name, value):
    """Whether a net of this many layers or channels is too large to build."""
    return (
        name in ('depth', 'widen_factor', 'in_channels', 'alpha', 'size')
        and isinstance(value, (int, float, np.number))
        and not isinstance(value, bool)
        and value > MOST
    )


# Pairs that are nearly ranges, levels and steps.
plausible = (
    wild.anything
    | wild.pairs
    | st.lists(wild.pairs, max_size=3)
    | st.lists(wild.numbers, max_size=3)
    | st.sampled_from(
        [
            *('layer2', 'layer1.0', 'layer9', 'ellipse', 'bilinear', 'warp', 'auto'),
            *('nonzero', 'bfloat16', [OFFSET], [nn.Identity()], [OFFSET, None], OFFSET),
            *([{'type': 'FeatureMapOffset', 'gamma': 2}], Tiny, [Tiny]),
        ]
    )
)


@pytest.mark.parametrize('name', PUBLIC)
@given(st.data())
def test_arguments(name, data):
    made = PUBLIC[name]
    known = arguments_of(made)
    arguments = {
        key: value() if value is Tiny else value for key, value in made.needed.items()
    }
    wrong = data.draw(st.sets(st.sampled_from(known), min_size=1, max_size=2))
    for key in sorted(wrong):
        value = data.draw(plausible.filter(lambda v, key=key: not is_large(key, v)))
        arguments[key] = value
    try:
        built = made.make(**arguments)
    except (TypeError, ValueError) as error:
        # A backbone may lack the stage that `after` names.
        named = wrong | ({'after'} if 'backbone' in wrong else set())
        # What is wrong in a config among them is named by its class.
        named |= {'gamma'} if 'augments' in wrong else set()
        assert any(key in str(error) for key in named), error
        return
    made.use(built)


@pytest.mark.parametrize('name', ['FeatureLocalMagnification', 'FeatureMapOffset'])
@given(wild.maps(dims=(4,)) | wild.no_maps)
def test_inputs_of_feature_augments(name, x):
    module = PUBLIC[name].make().train()
    try:
        out = module(x)
    except (TypeError, ValueError) as error:
        assert 'a feature map' in str(error)
        return
    if isinstance(x, torch.Tensor):
        assert out.shape == x.shape and out.dtype == x.dtype
    else:
        assert type(out) is type(x) and len(out) == len(x)


@given(wild.images() | wild.no_images)
def test_inputs_of_the_transform(img):
    transform = loma_mm.LocalMagnification(prob=1)
    try:
        out = transform(dict(img=img))['img']
    except (TypeError, ValueError) as error:
        assert 'img' in str(error)
        return
    assert out.shape == img.shape and out.dtype == img.dtype


@given(wild.maps(dims=(4,)) | wild.no_maps, wild.anything | st.lists(wild.anything))
def test_inputs_of_the_batch_augment(x, data_samples):
    module = loma_mm.BatchLocalMagnification(prob=1).train()
    try:
        out, _ = module(x, data_samples)
    except (TypeError, ValueError) as error:
        assert any(word in str(error) for word in ('inputs', 'data_samples'))
        return
    assert out.shape == x.shape and out.dtype == x.dtype
