import pytest

from loma_mm.errors import ConfigError
from loma_mm.running import load_config
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
