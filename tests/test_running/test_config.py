from pathlib import Path

import pytest
from mmengine.config import Config

from loma_mm.errors import ConfigError
from loma_mm.running import config_path, load_config
from tests.helpers import ROOT

CUSTOM = str(
    ROOT / 'configs/faster_rcnn/'
    'faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc.py'
)


def test_data_root_and_classes_reach_datasets_and_heads():
    cfg = load_config(CUSTOM, dict(data_root='data/pets/', classes=['cat']))
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.data_root == 'data/pets/'
        assert tuple(dataset.metainfo.classes) == ('cat',)
    assert cfg.model.roi_head.bbox_head.num_classes == 1
    assert (
        load_config(CUSTOM, dict(classes='dog')).model.roi_head.bbox_head.num_classes
        == 1
    )


def test_without_options_the_config_is_as_written():
    cfg = load_config(CUSTOM)
    assert cfg.train_dataloader.dataset.data_root == 'data/BCCD/'
    assert cfg.model.roi_head.bbox_head.num_classes == 3


def test_full_keys_win():
    cfg = load_config(
        CUSTOM, {'data_root': 'a/', 'test_dataloader.dataset.data_root': 'b/'}
    )
    assert cfg.train_dataloader.dataset.data_root == 'a/'
    assert cfg.test_dataloader.dataset.data_root == 'b/'


def test_both_voc_datasets_follow_the_data_root():
    cfg = load_config(
        str(
            ROOT / 'configs/faster_rcnn/faster-rcnn_r50_fpn_loma-ellipse-1x_voc0712.py'
        ),
        dict(data_root='/voc/'),
    )
    datasets = cfg.train_dataloader.dataset.dataset.datasets
    assert [voc.data_root for voc in datasets] == ['/voc/', '/voc/']


def test_mmpretrain_gets_its_loader_defaults():
    cfg = load_config(
        str(ROOT / 'tests/data/classifier.py'), {'train_dataloader.num_workers': 0}
    )
    assert cfg.train_dataloader.collate_fn.type == 'default_collate'
    # Workers that are not there cannot persist: PyTorch would refuse.
    assert cfg.train_dataloader.persistent_workers is False
    assert cfg.val_dataloader.persistent_workers is True


def test_missing_config_is_one_sentence():
    with pytest.raises(ConfigError, match='no config file nowhere.py'):
        load_config('nowhere.py')


FINETUNED = 'faster-rcnn_r50_fpn_loma-rhombus-coco-12e_custom-voc'
PHOTOS = 'resnet50_1xb32-loma-in1k-12e_image-folder'


def steps(cfg, split, type_name):
    return [
        step
        for step in cfg[f'{split}_dataloader'].dataset.pipeline
        if step.type == type_name
    ]


def test_folders_and_lists_reach_the_datasets():
    cfg = load_config(
        CUSTOM,
        dict(img_dir='images', ann_dir='xml', train_list='a.txt', test_list='b.txt'),
    )
    for split, ann_file in (('train', 'a.txt'), ('val', 'b.txt'), ('test', 'b.txt')):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.img_subdir == 'images'
        assert dataset.ann_subdir == 'xml'
        assert dataset.ann_file == ann_file


@pytest.mark.parametrize('option', ['max_epochs', 'train_cfg.max_epochs'])
@pytest.mark.parametrize('config', [CUSTOM, FINETUNED, PHOTOS])
def test_schedules_end_with_the_training(config, option):
    cfg = load_config(config, {option: 20})
    assert cfg.max_epochs == cfg.train_cfg.max_epochs == 20
    cosine = cfg.param_scheduler[-1]
    assert (cosine.end, cosine.T_max) == (20, 20)


def test_milestones_keep_their_share_of_the_training():
    cfg = load_config('resnet20_1xb128-loma_image-folder', dict(max_epochs=20))
    assert cfg.param_scheduler[1].milestones == [10, 15]
    assert cfg.train_cfg.max_epochs == 20


def test_a_short_training_is_validated():
    cfg = load_config(CUSTOM, dict(max_epochs=2))
    assert cfg.train_cfg.val_interval == 2


def test_the_image_scale_reaches_every_pipeline():
    cfg = load_config(FINETUNED, dict(image_scale=(640, 480)))
    for split in ('train', 'val', 'test'):
        assert [step.scale for step in steps(cfg, split, 'Resize')] == [(640, 480)]


def test_the_image_size_reaches_crops():
    cfg = load_config(PHOTOS, dict(image_size=96))
    assert steps(cfg, 'train', 'RandomResizedCrop')[0].scale == 96
    assert steps(cfg, 'val', 'CenterCrop')[0].crop_size == 96
    small = load_config('resnet20_1xb128-loma_image-folder', dict(image_size=48))
    assert steps(small, 'train', 'Resize')[0].scale == (48, 48)
    assert steps(small, 'train', 'RandomCrop')[0].crop_size == 48


@pytest.mark.parametrize('config', [CUSTOM, FINETUNED, PHOTOS])
def test_the_settings_of_loma_reach_the_pipeline(config):
    cfg = load_config(config, {'loma.prob': 0.9, 'loma.shape': 'rectangle'})
    (loma,) = (
        step
        for step in cfg.train_dataloader.dataset.pipeline
        if step.type.endswith('LocalMagnification')
    )
    assert (loma.prob, loma.shape) == (0.9, 'rectangle')


def test_the_settings_of_feature_augments_reach_the_backbone():
    cfg = load_config(
        'resnet20_1xb128-loma-if-fo_image-folder', {'fo.gamma': 0.1, 'loma.prob': 0.3}
    )
    augments = {augment.type: augment for augment in cfg.model.backbone.augments}
    assert augments['FeatureMapOffset'].gamma == 0.1


def test_pretrained_weights_are_those_of_the_toolboxes():
    """Their metafiles name the same files, on whichever server."""
    mim = pytest.importorskip('mmdet').__path__[0] + '/.mim/configs/'
    detector = load_config(FINETUNED)
    assert detector.load_from in Path(mim, 'faster_rcnn/metafile.yml').read_text()
    mim = pytest.importorskip('mmpretrain').__path__[0] + '/.mim/configs/'
    weights = load_config(PHOTOS).model.backbone.init_cfg.checkpoint
    assert weights.rsplit('/', 1)[1] in Path(mim, 'resnet/metafile.yml').read_text()


def test_folders_given_as_classes_are_numbered_alike(tmp_path):
    """As configs in new style do."""
    (tmp_path / 'mine.py').write_text(
        'from mmengine.config import read_base\n'
        'from loma_mm.datasets import ClassFolders\n'
        'with read_base():\n    from .shipped import *\n'
        "val_dataloader['dataset'] = dict(\n"
        "    type=ClassFolders, data_root=data_root, data_prefix='test')\n"
    )
    shipped = config_path('resnet20_1xb128-loma_image-folder')
    Config.fromfile(shipped).dump(tmp_path / 'shipped.py')
    cfg = load_config(str(tmp_path / 'mine.py'))
    assert cfg.val_dataloader.dataset.class_folders == ['train']
