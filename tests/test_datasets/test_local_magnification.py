import subprocess
import sys

import numpy as np
import pytest
import torch
from mmcv.transforms import TransformBroadcaster
from PIL import Image
from scipy import stats

from loma_mm import LocalMagnification
from loma_mm.functional import MagnificationRegion, image, magnify_image
from loma_mm.sampler import RegionSampler
from tests import naive
from tests.compiled import needs_compiled


def photo(height=40, width=60, dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (height, width, 3)).astype(dtype)


def test_is_algorithm_1_on_the_drawn_region(monkeypatch):
    drawn = []

    def record(img, region, interpolation):
        drawn.append(region)
        return magnify_image(img, region, interpolation)

    monkeypatch.setattr(
        'loma_mm.datasets.transforms.local_magnification.magnify_image', record
    )
    np.random.seed(3)
    for shape in ('rhombus', 'ellipse', 'rectangle'):
        transform = LocalMagnification(prob=1, shape=shape)
        out = transform(dict(img=photo()))['img']
        region = drawn[-1]
        assert region.shape == shape
        expected = naive.magnify(
            photo(), region.center, region.radius, region.ratios, shape
        )
        assert (out == expected).mean() > 0.9999


def test_draws_are_those_of_the_paper():
    sampler = RegionSampler('rhombus', (0.03, 0.7), (1, 3))
    np.random.seed(0)
    regions = [sampler.draw(np.random.random).at(37, 50) for _ in range(20000)]
    centers = np.array([region.center for region in regions])
    assert set(centers[:, 0]) == set(range(50))
    assert set(centers[:, 1]) == set(range(37))
    ratios = np.array([region.ratios for region in regions])
    horizontal = ratios[:, 0] != 1
    assert ((ratios == 1).sum(1) == 1).all()

    def uniform(values, low, high):
        return stats.kstest(values, 'uniform', (low, high - low)).pvalue

    p_values = [
        stats.chisquare(np.bincount(centers[:, 0])).pvalue,
        stats.chisquare(np.bincount(centers[:, 1])).pvalue,
        uniform([region.radius / 50 for region in regions], 0.03, 0.7),
        uniform(ratios[horizontal, 0], 1, 3),
        uniform(ratios[~horizontal, 1], 1, 3),
        stats.binomtest(int(horizontal.sum()), len(regions)).pvalue,
    ]
    assert min(p_values) > 1e-3, p_values


@pytest.mark.parametrize('prob', [0, 0.25, 1])
def test_applies_with_its_probability(prob):
    transform = LocalMagnification(prob=prob, radius_range=(0.5, 0.7))
    np.random.seed(1)
    img = photo(20, 20)
    applied = sum(transform(dict(img=img))['img'] is not img for _ in range(2000))
    assert stats.binomtest(applied, 2000, prob).pvalue > 1e-3


@pytest.mark.parametrize('dtype', [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize('suffix', [(), (1,), (3,), (4,)])
def test_image_kinds(dtype, suffix):
    rng = np.random.default_rng(0)
    for size in ((1, 1), (1, 9), (8, 1), (2, 3), (33, 20)):
        img = rng.integers(0, 256, size + suffix).astype(dtype)
        img.flags.writeable = False
        before = img.copy()
        out = LocalMagnification(prob=1)(dict(img=img))['img']
        assert out.shape == img.shape and out.dtype == dtype
        np.testing.assert_array_equal(img, before)
        # Magnification invents no pixel.
        assert set(map(bytes, out.reshape(-1, *suffix))) <= set(
            map(bytes, img.reshape(-1, *suffix))
        )


def test_everything_but_the_image_passes_through():
    boxes = np.array([[1.0, 2.0, 30.0, 20.0]])
    results = dict(
        img=photo(),
        gt_bboxes=boxes,
        gt_bboxes_labels=np.array([4]),
        img_shape=(40, 60),
        gt_score=np.ones(3),
        flip=True,
    )
    before = dict(results)
    after = LocalMagnification(prob=1)(results)
    assert after.keys() == before.keys() | {'loma_region'}
    for key in before.keys() - {'img'}:
        assert after[key] is before[key]
    assert (after['img'] != before['img']).any()


def test_broadcaster_shares_the_draw():
    transform = TransformBroadcaster(
        [LocalMagnification(prob=0.5)],
        mapping=dict(img=['left', 'right']),
        auto_remap=True,
        share_random_params=True,
    )
    np.random.seed(0)
    for _ in range(20):
        out = transform(dict(left=photo(), right=photo()))
        np.testing.assert_array_equal(out['left'], out['right'])


def test_numpy_s_generator_rules():
    transform = LocalMagnification(prob=1)
    outputs = []
    for seed in (5, 5, 6):
        np.random.seed(seed)
        outputs.append(transform(dict(img=photo()))['img'])
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert (outputs[0] != outputs[2]).any()


@pytest.mark.parametrize(
    'name, value',
    [
        ('prob', -0.1),
        ('prob', 1.5),
        ('prob', float('nan')),
        ('prob', 'often'),
        ('radius_range', (0.5, 0.2)),
        ('radius_range', (-0.1, 0.2)),
        ('radius_range', (0, 0.2)),
        ('radius_range', ()),
        ('radius_range', 0.3),
        ('radius_range', (0.1, float('inf'))),
        ('ratio_range', (0, 2)),
        ('ratio_range', (3, 1)),
        ('ratio_range', (1, 2, 3)),
        ('shape', 'circle'),
        ('interpolation', 'cubic'),
        ('labels', 'move'),
    ],
)
def test_bad_arguments_are_named_with_their_value(name, value):
    with pytest.raises(ValueError, match=name) as error:
        LocalMagnification(**{name: value})
    assert repr(value) in str(error.value)


def test_repr_is_the_config():
    text = repr(LocalMagnification(0.25, 'ellipse', (0.03, 0.5), (1, 1)))
    assert text == (
        "LocalMagnification(prob=0.25, shape='ellipse', "
        'radius_range=(0.03, 0.5), ratio_range=(1.0, 1.0), '
        "interpolation='nearest', labels='keep')"
    )
    assert repr(eval(text)) == text


def in_fresh_python(code):
    return subprocess.run(
        [sys.executable, '-c', code], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()[-1]


@pytest.mark.slow
def test_import_needs_no_toolbox_and_no_operators():
    assert (
        in_fresh_python(
            'import loma_mm, sys; '
            'print({"mmdet", "mmpretrain", "mmcv._ext"} & set(sys.modules))'
        )
        == 'set()'
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    'scope, base, key',
    [
        (
            'mmdet',
            'mmdet::pascal_voc/ssd300_voc0712.py',
            'train_dataloader.dataset.dataset.datasets[0].pipeline',
        ),
        (
            'mmpretrain',
            'mmpretrain::resnet/resnet18_8xb16_cifar10.py',
            'train_dataloader.dataset.pipeline',
        ),
    ],
)
@pytest.mark.parametrize(
    'name, imports',
    [
        ('loma_mm.LocalMagnification', ''),
        ('LocalMagnification', 'custom_imports = dict(imports=["loma_mm"])'),
    ],
)
def test_drops_into_existing_configs(tmp_path, scope, base, key, name, imports):
    """A user's config: theirs as base, one transform inserted."""
    config = tmp_path / 'mine.py'
    config.write_text(
        f'_base_ = "{base}"\n{imports}\n'
        'train_pipeline = list(_base_.train_pipeline)\n'
        f'train_pipeline.insert(-1, dict(type="{name}"))\n'
    )
    assert (
        in_fresh_python(
            'from mmengine.config import Config\n'
            f'cfg = Config.fromfile({str(config)!r})\n'
            'from mmengine.registry import init_default_scope, TRANSFORMS\n'
            f'assert cfg.{key}[-1].type == cfg.train_pipeline[-1].type\n'
            f'init_default_scope({scope!r})\n'
            'from mmengine.dataset import Compose\n'
            'print(type(Compose(cfg.train_pipeline).transforms[-2]).__name__)\n'
        )
        == 'LocalMagnification'
    )


@needs_compiled
def test_says_that_it_is_not_compiled(monkeypatch, recwarn):
    LocalMagnification(prob=1.0)
    assert not recwarn
    monkeypatch.setattr(image, '_compiled', None)
    with pytest.warns(UserWarning, match='without a C compiler'):
        slow = LocalMagnification(prob=1.0)
    img = np.arange(900, dtype=np.uint8).reshape(30, 30)
    np.random.seed(0)
    expected = slow(dict(img=img))['img']
    monkeypatch.undo()
    np.random.seed(0)
    np.testing.assert_array_equal(slow(dict(img=img))['img'], expected)


@pytest.mark.parametrize('prob', [0, 1])
@pytest.mark.parametrize('kind', ['PIL image', 'list', 'tensor'])
def test_what_is_no_array_is_refused_whether_or_not_drawn(prob, kind):
    img = photo()
    img = {
        'PIL image': lambda: Image.fromarray(img),
        'list': img.tolist,
        'tensor': lambda: torch.from_numpy(img),
    }[kind]()
    with pytest.raises(TypeError, match='img must be a NumPy array'):
        LocalMagnification(prob=prob)(dict(img=img))


def test_the_radius_scales_with_the_longer_side_of_tall_images():
    drawn = RegionSampler('rhombus', (0.03, 0.7), (1, 3)).draw(lambda: 0.5)
    assert drawn.at(60, 20).radius == drawn.at(20, 60).radius == 60 * drawn.radius
    assert drawn.at(60, 20).center == (10, 30)
    # Made without checks, but the same.
    assert drawn.at(60, 20) == MagnificationRegion(
        (10, 30), drawn.radius * 60, drawn.ratios, drawn.shape
    )
