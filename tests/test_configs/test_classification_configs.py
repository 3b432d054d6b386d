"""Every classification config has the paper's settings and builds its network.

The settings below are typed from the paper (Secs 4.1 to 4.5) and from the
papers it takes recipes from, independently of the configs.
"""

import math
from contextlib import nullcontext
from copy import deepcopy
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

from loma_mm import RandomFeatureAugment
from loma_mm.commands.list_images import list_images
from loma_mm.experiments.paper import read_rows
from loma_mm.running import load_config
from tests.helpers import ROOT

pytest.importorskip('mmpretrain')

CONFIGS = ROOT / 'configs'
FOLDERS = ('resnet_cifar', 'wide_resnet', 'pyramidnet', 'resnet')

# Training recipes
SGD = dict(type='SGD', momentum=0.9, nesterov=True)
RECIPES = {
    'cifar': dict(
        optimizer=dict(SGD, lr=0.1, weight_decay=5e-4),
        milestones=[100, 200, 265],
        epochs=300,
        batch=128,
    ),
    'pyramidnet': dict(
        optimizer=dict(SGD, lr=0.25, weight_decay=1e-4),
        milestones=[150, 225],
        epochs=300,
        batch=64,
    ),
    'imagenet': dict(
        optimizer=dict(SGD, lr=0.1, weight_decay=1e-4),
        milestones=[75, 150, 225],
        epochs=300,
        batch=256,
    ),
    'image-folder': dict(
        optimizer=dict(SGD, lr=0.1, weight_decay=5e-4),
        milestones=[30, 45],
        epochs=60,
        batch=128,
    ),
}
# Parameters with the classifier of so many classes, in millions
NETWORKS = {
    'resnet20': (dict(type='CIFARResNet', depth=20), {10: 0.27, 100: 0.28}),
    'wrn28-10': (
        dict(type='WideResNet', depth=28, widen_factor=10),
        {10: 36.5, 100: 36.5},
    ),
    'pyramidnet200-a240': (
        dict(type='PyramidNet', depth=200, alpha=240),
        {10: 26.8, 100: 26.8},
    ),
    'resnet18': (dict(type='ResNet_CIFAR', depth=18), {10: 11.2}),
    'resnet50': (dict(type='ResNet', depth=50), {1000: 25.6}),
}
DATASETS = {
    'cifar10': ('CIFAR10', 10),
    'cifar100': ('CIFAR100', 100),
    'in1k': ('loma_mm.datasets.ImageNetFolders', 1000),
    'image-folder': ('loma_mm.datasets.ClassFolders', 10),
}

# Steps of train pipelines
CROP = dict(type='RandomCrop', crop_size=32, padding=4)
FLIP = dict(type='RandomFlip', prob=0.5, direction='horizontal')
PACK = dict(type='PackInputs')
LOAD = dict(type='LoadImageFromFile')
GEOMETRY = {
    'cifar10': [CROP, FLIP],
    'cifar100': [CROP, FLIP],
    'in1k': [LOAD, dict(type='RandomResizedCrop', scale=224), FLIP],
    'image-folder': [LOAD, dict(type='Resize', scale=(32, 32)), CROP, FLIP],
}
JITTER = dict(type='ColorJitter', brightness=0.4, contrast=0.4, saturation=0.4)
LOMA = dict(
    type='LocalMagnification',
    prob=0.5,
    shape='rhombus',
    radius_range=(0.03, 0.7),
    ratio_range=(1, 3),
)
LOMA_IN1K = dict(LOMA, prob=0.8)
ERASING = dict(
    type='RandomErasing',
    erase_prob=0.5,
    min_area_ratio=0.02,
    max_area_ratio=0.4,
    aspect_range=0.3,
    mode='rand',
)


def cutout(side):
    return dict(type='Cutout', shape=side, prob=1)


# Feature augmentation
LOMA_F = dict(
    type='FeatureLocalMagnification',
    shape='rhombus',
    radius_range=(0.03, 0.7),
    ratio_range=(1, 3),
)
FO = dict(type='FeatureMapOffset', gamma=0.25, rescale='none')


def feature(*augments, after='layer2', prob=0.5):
    return dict(augments=list(augments), after=after, prob=prob)


def expectations():
    """Config name -> (recipe, network, dataset, image step, features)."""
    table = {}

    def add(name, recipe, data, image=None, features=None):
        network = name.split('_')[0]
        table[f'{name}_{data}'] = (recipe, network, data, image, features)

    def methods(stem, recipe, data, loma, side, rhombus='loma-rhombus'):
        add(stem, recipe, data)
        add(f'{stem}-cutout', recipe, data, cutout(side))
        add(f'{stem}-random-erasing', recipe, data, ERASING)
        add(f'{stem}-{rhombus}', recipe, data, loma)
        add(f'{stem}-loma-if', recipe, data, loma, feature(LOMA_F))
        add(f'{stem}-loma-if-fo', recipe, data, loma, feature(LOMA_F, FO))
        if data != 'image-folder':
            add(f'{stem}-loma-ellipse', recipe, data, dict(loma, shape='ellipse'))

    # Tables 1 and 2. The Cutout paper cuts squares of 16 on CIFAR-10 and 8
    # on CIFAR-100; the CutMix paper, whose rows PyramidNet and ResNet-50
    # quote, 16 on both and 112 on ImageNet.
    for data, side in (('cifar10', 16), ('cifar100', 8)):
        methods('resnet20_1xb128', 'cifar', data, LOMA, side)
        methods('wrn28-10_1xb128', 'cifar', data, LOMA, side)
        methods('pyramidnet200-a240_1xb64', 'pyramidnet', data, LOMA, 16)
    methods('resnet50_8xb32', 'imagenet', 'in1k', LOMA_IN1K, 112)
    methods('resnet20_1xb128', 'image-folder', 'image-folder', LOMA, 16, 'loma')
    # Tables 3 to 5
    wrn = 'wrn28-10_1xb128'
    for layer in (1, 3):
        add(
            f'{wrn}-loma-if-fo-l{layer}',
            'cifar',
            'cifar100',
            LOMA,
            feature(LOMA_F, FO, after=f'layer{layer}'),
        )
    for prob in (0.25, 0.75):
        add(
            f'{wrn}-loma-if-fo-pf{prob}',
            'cifar',
            'cifar100',
            LOMA,
            feature(LOMA_F, FO, prob=prob),
        )
    add(f'{wrn}-loma-f', 'cifar', 'cifar100', None, feature(LOMA_F))
    add(f'{wrn}-fo', 'cifar', 'cifar100', None, feature(FO))
    add(f'{wrn}-loma-f-fo', 'cifar', 'cifar100', None, feature(LOMA_F, FO))
    # Table 6: see test_table_6 for crop and flip
    for name in ('', '-crop', '-flip', '-vanilla'):
        add(f'resnet18_1xb128{name}', 'cifar', 'cifar10')
    for name in ('-loma', '-crop-loma', '-flip-loma', '-loma-only'):
        add(f'resnet18_1xb128{name}', 'cifar', 'cifar10', LOMA)
    # Figure 6, the grid is ours
    for prob in (0.25, 0.75, 1.0):
        add(f'resnet20_1xb128-loma-p{prob}', 'cifar', 'cifar10', dict(LOMA, prob=prob))
    for r_max in (0.3, 0.5, 0.9):
        add(
            f'resnet20_1xb128-loma-rmax{r_max}',
            'cifar',
            'cifar10',
            dict(LOMA, radius_range=(0.03, r_max)),
        )
    for a_max in (1, 2, 4):
        add(
            f'resnet20_1xb128-loma-amax{a_max}',
            'cifar',
            'cifar10',
            dict(LOMA, ratio_range=(1, a_max)),
        )
    return table


EXPECTED = expectations()
PATHS = {
    path.stem: path
    for folder in FOLDERS
    for path in sorted((CONFIGS / folder).glob('*.py'))
    # the demo has its own tests
    if path.stem.rsplit('_', 1)[-1] in DATASETS
}
NAMES = sorted(PATHS)
TABLE_6 = {
    'resnet18_1xb128-vanilla': [],
    'resnet18_1xb128-crop': [CROP],
    'resnet18_1xb128-flip': [FLIP],
    'resnet18_1xb128-loma-only': [LOMA],
    'resnet18_1xb128': [CROP, FLIP],
    'resnet18_1xb128-crop-loma': [CROP, LOMA],
    'resnet18_1xb128-flip-loma': [FLIP, LOMA],
    'resnet18_1xb128-loma': [CROP, FLIP, LOMA],
}


@cache
def load_once(name):
    """Read a config as tools/train.py does."""
    return load_config(str(PATHS[name]))


def load(name):
    return deepcopy(load_once(name))


def plain_backbone(cfg):
    backbone = cfg.model.backbone
    if backbone.type == 'FeatureAugmentBackbone':
        backbone = backbone.backbone
    return backbone


def includes(actual, expected):
    """Whether each key of ``expected`` has that value in ``actual``."""
    return {key: actual.get(key) for key in expected} == expected


def test_every_config_is_expected():
    assert set(NAMES) == set(EXPECTED)
    assert len(NAMES) == 79
    # and each is a row of the index
    assert set(NAMES) <= {Path(row.config).stem for row in read_rows(CONFIGS)}


@pytest.mark.parametrize('name', NAMES)
def test_settings(name):
    recipe, network, data, image, features = EXPECTED[name]
    recipe = RECIPES[recipe]
    cfg = load(name)

    assert cfg.optim_wrapper.optimizer == recipe['optimizer']
    assert set(cfg.optim_wrapper) == {'optimizer'}
    schedule = cfg.param_scheduler
    if data == 'image-folder':
        warmup, schedule = schedule
        assert includes(warmup, dict(type='LinearLR', by_epoch=False, begin=0, end=200))
    assert schedule == dict(
        type='MultiStepLR', by_epoch=True, milestones=recipe['milestones'], gamma=0.1
    )
    assert cfg.train_cfg.max_epochs == recipe['epochs']
    # e.g. 8xb32 in the name: 8 processes of 32 images
    processes, batch = name.split('_')[1].split('-')[0].split('xb')
    assert cfg.train_dataloader.batch_size == int(batch)
    assert int(processes) * int(batch) == recipe['batch']
    assert cfg.auto_scale_lr.base_batch_size == recipe['batch']

    dataset, classes = DATASETS[data]
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert loader.dataset.type == dataset
        assert loader.dataset.data_root == cfg.data_root
    assert cfg.train_dataloader.sampler.shuffle
    assert includes(plain_backbone(cfg), NETWORKS[network][0])
    assert cfg.model.head.num_classes == classes
    assert cfg.data_preprocessor.get('num_classes', classes) == classes

    if features is None:
        assert cfg.model.backbone.type != 'FeatureAugmentBackbone'
    else:
        assert cfg.model.backbone.type == 'FeatureAugmentBackbone'
        assert includes(cfg.model.backbone, features)

    steps = cfg.train_dataloader.dataset.pipeline
    assert steps[-1] == PACK
    if network == 'resnet18':
        return
    geometry = GEOMETRY[data]
    assert steps[: len(geometry)] == geometry
    others = list(steps[len(geometry) : -1])
    if image is not None and image['type'] == 'LocalMagnification':
        # after crop and flip, before colour jitter
        assert others.pop(0) == image
    elif image is not None:
        # last, as those papers erase normalised images
        step = others.pop()
        assert includes(step, image)
        if step.type == 'Cutout':
            # their zeros are the mean of what the loader gives
            mean = cfg.data_preprocessor.mean
            bgr = cfg.data_preprocessor.to_rgb
            assert step.pad_val == (mean[::-1] if bgr else mean)
    if data == 'in1k':
        jitter, to_float, lighting = others
        assert jitter == JITTER
        assert to_float == dict(
            type='Normalize', mean=[0] * 3, std=[1] * 3, to_rgb=False
        )
        assert includes(lighting, dict(type='Lighting', alphastd=0.1))
    else:
        assert not others


@pytest.mark.parametrize('name', TABLE_6)
def test_table_6(name):
    steps = load(f'{name}_cifar10').train_dataloader.dataset.pipeline
    assert steps == [*TABLE_6[name], PACK]


def distinct_models():
    """The first config of each network, classes and feature augments."""
    names = {}
    for name, (_, network, data, _, features) in sorted(EXPECTED.items()):
        key = network, DATASETS[data][1], features and features['after']
        names.setdefault(key, name)
    return sorted(names.values())


@pytest.mark.parametrize('name', distinct_models())
def test_full_model_builds(name):
    """At its true size, without initial values."""
    from mmpretrain.registry import MODELS

    _, network, data, _, features = EXPECTED[name]
    cfg = load(name)
    init_default_scope('mmpretrain')
    # mmpretrain's own ResNets cannot be built on the meta device.
    ours = network not in ('resnet18', 'resnet50')
    with torch.device('meta') if ours else nullcontext():
        model = MODELS.build(cfg.model)
    classes = DATASETS[data][1]
    size = sum(p.numel() for p in model.parameters()) / 1e6
    published = NETWORKS[network][1][classes]
    assert size == pytest.approx(published, abs=0.06 if size > 1 else 0.006)
    gates = [m for m in model.modules() if isinstance(m, RandomFeatureAugment)]
    assert len(gates) == (features is not None)


@pytest.fixture
def image_folder(tmp_path):
    """Four training and two test images in a folder a class."""
    import cv2

    rng = np.random.default_rng(0)
    for split, count in (('train', 4), ('test', 2)):
        for i in range(count):
            path = tmp_path / 'images' / split / f'class_{i % 2}' / f'{i}.jpg'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rng.integers(0, 256, (40, 30, 3), dtype=np.uint8))
    return tmp_path / 'images'


def test_image_folder_options(image_folder, tmp_path, monkeypatch):
    """The folder, the classes and a list of images from the command line."""
    lines = list_images(image_folder / 'train', per_class=1)
    assert lines == ['class_0/0.jpg 0', 'class_1/1.jpg 1']
    ann_file = tmp_path / 'list.txt'
    ann_file.write_text('\n'.join(lines) + '\n')
    cfg = load_config(
        str(PATHS['resnet20_1xb128-loma-if-fo_image-folder']),
        {
            'data_root': str(image_folder),
            'work_dir': str(tmp_path / 'work_dir'),
            'model.head.num_classes': 2,
            'model.backbone.prob': 1.0,
            'train_dataloader.dataset.ann_file': str(ann_file),
            'train_cfg.max_epochs': 1,
            'train_cfg.val_interval': 1,
            'default_hooks.checkpoint': None,
            'default_hooks.logger.interval': 1,
            # Processes cost more here than what they do.
            **{
                f'{split}_dataloader.{key}': value
                for split in ('train', 'val', 'test')
                for key, value in (('num_workers', 0), ('persistent_workers', False))
            },
        },
    )
    # A few seconds of asking compilers for their versions.
    monkeypatch.setattr(Runner, '_log_env', lambda self, env_cfg: None)
    runner = Runner.from_cfg(cfg)
    before = runner.model.head.fc.weight.detach().clone()
    runner.train()
    assert (runner.iter, runner.epoch) == (1, 1)
    assert math.isfinite(runner.message_hub.get_scalar('train/loss').current())
    assert not torch.equal(runner.model.head.fc.weight, before)
    assert runner.model.head.num_classes == 2
    assert len(runner.train_dataloader.dataset) == 2
    assert len(runner.val_dataloader.dataset) == 2
    assert runner.val_dataloader.dataset.CLASSES == ('class_0', 'class_1')
    # mmengine writes the resolved config: it must read back the same
    (dumped,) = (tmp_path / 'work_dir').glob('*.py')
    assert Config.fromfile(dumped).to_dict() == runner.cfg.to_dict()


def test_lighting_does_not_wrap_around():
    """mmpretrain's Lighting on uint8 would turn white into black."""
    from mmengine.dataset import Compose

    cfg = load('resnet50_8xb32_in1k')
    init_default_scope('mmpretrain')
    color = Compose(cfg.color[1:])
    white = np.full((4, 4, 3), 255, np.uint8)
    for _ in range(20):
        img = color(dict(img=white))['img']
        assert img.dtype == np.float32
        assert abs(img - 255).max() < 60
