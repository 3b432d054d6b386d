"""The VOC configs are the paper's, and the small detector takes other data."""

from xml.etree import ElementTree

import mmcv
import numpy as np
import pytest
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

from loma_mm import LocalMagnification, RandomFeatureAugment
from loma_mm.running import check_before_start, load_config
from tests.helpers import ROOT

FOLDER = ROOT / 'configs' / 'faster_rcnn'
VOC = [
    f'faster-rcnn_r50_fpn_{method}1x_{data}.py'
    for data in ('voc07', 'voc0712')
    for method in ('', 'loma-rhombus-', 'loma-ellipse-')
]
# Examples of feature augments in a detector.
FEATURES = [
    f'../feature_space/faster-rcnn_r50_fpn_{method}-1x_voc07.py'
    for method in ('fo-neck', 'loma-f-fo', 'loma-f-plugin')
]
# Table 7 of the paper.
PAPER_MAP = dict(zip(VOC, (72.5, 73.2, 73.2, 80.2, 80.6, 80.5)))


@pytest.fixture(scope='module')
def voc(tmp_path_factory):
    """A VOCdevkit with four images a year, one labelled box in each."""
    root = tmp_path_factory.mktemp('VOCdevkit')
    rng = np.random.default_rng(0)
    for year in ('VOC2007', 'VOC2012'):
        for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
            (root / year / folder).mkdir(parents=True)
        for name in '0123':
            mmcv.imwrite(
                rng.integers(0, 256, (90, 120, 3), np.uint8),
                str(root / year / f'JPEGImages/{name}.jpg'),
            )
            tree = ElementTree.fromstring(
                '<annotation><size><width>120</width><height>90</height>'
                '</size><object><name>dog</name><difficult>0</difficult>'
                '<bndbox><xmin>11</xmin><ymin>6</ymin><xmax>80</xmax>'
                '<ymax>75</ymax></bndbox></object></annotation>'
            )
            ElementTree.ElementTree(tree).write(root / year / f'Annotations/{name}.xml')
        for split in ('trainval', 'test'):
            (root / year / f'ImageSets/Main/{split}.txt').write_text('0\n1\n2\n3\n')
    return root


def train_pipelines(cfg):
    dataset = cfg.train_dataloader.dataset
    if 'dataset' in dataset:
        return [part.pipeline for part in dataset.dataset.datasets]
    return [dataset.pipeline]


def shrink(cfg, work_dir):
    """The same config on tiny images, without workers or downloads."""
    cfg.work_dir = str(work_dir)
    backbone = cfg.model.backbone
    backbone.get('backbone', backbone).init_cfg = None
    pipelines = [
        *train_pipelines(cfg),
        cfg.val_dataloader.dataset.pipeline,
        cfg.test_dataloader.dataset.pipeline,
    ]
    for pipeline in pipelines:
        for step in pipeline:
            if step.type == 'Resize':
                step.scale = (96, 64)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        loader.num_workers = 0
        loader.persistent_workers = False
    cfg.train_cfg = dict(type='IterBasedTrainLoop', max_iters=2, val_interval=2)
    cfg.default_hooks.logger.interval = 1
    return cfg


def losses_of(cfg):
    runner = Runner.from_cfg(cfg)
    runner.train()
    scalars = runner.message_hub.log_scalars
    assert runner.iter == 2
    assert 0 <= scalars['val/pascal_voc/mAP'].current() <= 1
    return list(scalars['train/loss'].data[0])


@pytest.mark.parametrize('name', VOC)
def test_voc_config_has_the_paper_s_settings(name):
    cfg = load_config(str(FOLDER / name))
    assert f'mAP {PAPER_MAP[name]}' in (FOLDER / name).read_text().split('\n_base_')[0]
    assert cfg.model.backbone.depth == 50
    assert cfg.model.backbone.init_cfg.checkpoint == 'torchvision://resnet50'
    assert cfg.model.roi_head.bbox_head.num_classes == 20
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr) == ('SGD', 0.01)
    # Three passes over the data in each of four epochs: twelve, "1x".
    assert cfg.train_cfg.max_epochs * cfg.train_dataloader.dataset.times == 12
    assert cfg.test_evaluator.eval_mode == '11points'
    assert cfg.test_dataloader.dataset.ann_file == ('VOC2007/ImageSets/Main/test.txt')
    datasets = cfg.train_dataloader.dataset.dataset.datasets
    years = ['VOC2007', 'VOC2012'] if '0712' in name else ['VOC2007']
    assert [part.ann_file for part in datasets] == [
        f'{year}/ImageSets/Main/trainval.txt' for year in years
    ]
    for pipeline in train_pipelines(cfg):
        types = [step.type for step in pipeline]
        # Boxes of which Resize leaves nothing have a loss that is no number.
        assert types[-2:] == ['FilterAnnotations', 'PackDetInputs']
        if 'loma' not in name:
            assert not any('LocalMagnification' in each for each in types)
            continue
        # After the flip; mmdet normalises in the model.
        assert types[-4:-2] == ['RandomFlip', 'loma_mm.LocalMagnification']
        arguments = dict(pipeline[-3])
        arguments.pop('type')
        assert repr(LocalMagnification(**arguments)) == (
            'LocalMagnification(prob=0.25, shape='
            f"'{'ellipse' if 'ellipse' in name else 'rhombus'}', "
            'radius_range=(0.03, 0.5), ratio_range=(1.0, 1.0), '
            "interpolation='nearest', labels='keep')"
        )


def test_every_detection_config_is_covered():
    others = {
        'faster-rcnn_r18_fpn_scratch-8e_custom-voc.py',
        'faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc.py',
        'faster-rcnn_r18_fpn_loma-rhombus-warp-scratch-8e_custom-voc.py',
        'faster-rcnn_r18_fpn_loma-ellipse-scratch-8e_custom-voc.py',
        'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py',
    }
    assert {path.name for path in FOLDER.glob('*.py')} == others | set(VOC)
    examples = (ROOT / 'configs/feature_space').glob('faster-rcnn*.py')
    assert {f'../feature_space/{path.name}' for path in examples} == set(FEATURES)


@pytest.mark.parametrize('name', FEATURES)
def test_feature_examples_keep_the_keys_of_the_plain_detector(name):
    init_default_scope('mmdet')
    plain, augmented = (
        MODELS.build(load_config(str(FOLDER / config)).model)
        for config in (VOC[0], name)
    )
    augments = [
        module
        for module in augmented.modules()
        if isinstance(module, RandomFeatureAugment)
    ]
    # The plugin sits in each of the four blocks of its stage.
    assert len(augments) == (4 if 'plugin' in name else 1)
    keys = augmented.state_dict().keys()
    if 'neck' in name:
        # A list of necks numbers them: FPN is the first.
        keys = {key.replace('neck.0.', 'neck.') for key in keys}
    assert set(keys) == plain.state_dict().keys()


@pytest.mark.parametrize(
    'method', ['', 'loma-rhombus-', 'loma-ellipse-', 'loma-rhombus-warp-']
)
def test_custom_config_trains_on_another_dataset(voc, tmp_path, method):
    cfg = load_config(
        str(FOLDER / f'faster-rcnn_r18_fpn_{method}scratch-8e_custom-voc.py'),
        dict(data_root=f'{voc}/VOC2007/', classes=['cat', 'dog']),
    )
    cfg.train_dataloader.batch_size = 2
    check_before_start(cfg, ('train', 'val', 'test'))
    labels = [
        step.get('labels', 'keep')
        for step in cfg.train_dataloader.dataset.pipeline
        if 'LocalMagnification' in step.type
    ]
    assert labels == (['warp' if 'warp' in method else 'keep'] if method else [])
    losses = losses_of(shrink(cfg, tmp_path))
    assert len(losses) == 2 and np.isfinite(losses).all()


def test_boxes_without_area_do_not_spoil_the_loss(voc, tmp_path):
    """Real annotations have them; their regression target is infinite."""
    for path in sorted((voc / 'VOC2012/Annotations').glob('*.xml')):
        tree = ElementTree.parse(path)
        box = tree.find('object/bndbox')
        for low, high in (('xmin', 'xmax'), ('ymin', 'ymax')):
            box.find(low).text = box.find(high).text
        tree.write(tmp_path / path.name)
    cfg = load_config(
        str(FOLDER / 'faster-rcnn_r18_fpn_scratch-8e_custom-voc.py'),
        {
            'data_root': f'{voc}/VOC2012/',
            'classes': ['dog'],
            'train_dataloader.dataset.ann_subdir': str(tmp_path),
            'train_dataloader.batch_size': 2,
        },
    )
    assert np.isfinite(losses_of(shrink(cfg, tmp_path / 'work'))).all()
