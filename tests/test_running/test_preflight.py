import builtins
import shutil
from collections import Counter

import pytest

from loma_mm.errors import LomaError
from loma_mm.running import check_before_start, load_config
from loma_mm.running.options import parse_options
from tests.helpers import ROOT
from tests.test_user_path.faults import CONFIGS, make

FOLDER = ROOT / 'configs' / 'faster_rcnn'
DIGITS = FOLDER / 'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'


def check(options, config=DIGITS, splits=('train', 'val')):
    check_before_start(load_config(str(config), options), splits)


def message(options, **kwargs):
    with pytest.raises(LomaError) as error:
        check(options, **kwargs)
    assert '\n' not in str(error.value)
    return str(error.value)


def test_a_complete_dataset_passes(digits):
    check(dict(data_root=f'{digits}/'))


def test_a_missing_dataset_names_its_paths_and_its_source(tmp_path):
    text = message(dict(data_root=f'{tmp_path}/none/'))
    assert f'{tmp_path}/none/ImageSets/Main/train.txt' in text
    assert f'{tmp_path}/none/ImageSets/Main/test.txt' in text
    assert 'python -m loma_mm make-digits voc data/digits-voc' in text


def test_both_halves_of_voc0712_are_checked(tmp_path):
    config = FOLDER / 'faster-rcnn_r50_fpn_loma-rhombus-1x_voc0712.py'
    text = message(dict(data_root=f'{tmp_path}/'), config=config)
    for path in (
        'VOC2007/ImageSets/Main/trainval.txt',
        'VOC2012/ImageSets/Main/trainval.txt',
        'VOC2007/ImageSets/Main/test.txt',
    ):
        assert f'{tmp_path}/{path}' in text
    assert 'VOCtrainval_06-Nov-2007.tar' in text


def test_only_the_splits_of_the_run_are_checked(digits, tmp_path):
    copy = tmp_path / 'digits'
    shutil.copytree(digits, copy)
    (copy / 'ImageSets/Main/train.txt').unlink()
    check(dict(data_root=f'{copy}/'), splits=('test',))
    assert 'train.txt' in message(dict(data_root=f'{copy}/'))


def test_an_image_without_annotation_is_named(digits, tmp_path):
    copy = tmp_path / 'digits'
    shutil.copytree(digits, copy)
    (copy / 'Annotations/train_00003.xml').unlink()
    assert 'train_00003' in message(dict(data_root=f'{copy}/'))


def test_wrong_classes_show_the_right_ones(digits):
    text = message(dict(data_root=f'{digits}/', classes=['cat', 'dog']))
    assert 'cat, dog' in text and 'seven' in text


def test_an_unknown_transform_is_named_with_its_place(digits):
    text = message(
        {
            'data_root': f'{digits}/',
            'train_dataloader.dataset.pipeline.3.type': 'LocalMagnifcation',
        }
    )
    assert 'train_dataloader.dataset' in text and 'LocalMagnifcation' in text


def test_a_bad_argument_is_named_with_its_place(digits):
    text = message(
        {'data_root': f'{digits}/', 'train_dataloader.dataset.pipeline.3.prob': 2}
    )
    assert 'train_dataloader.dataset' in text and 'prob' in text


def test_datasets_that_cannot_be_built_lazily_are_left_alone(digits):
    from mmengine.config import ConfigDict
    from mmengine.dataset import BaseDataset
    from mmengine.registry import DATASETS

    class Eager(BaseDataset):
        def __init__(self, size):
            raise AssertionError('built')

    DATASETS.register_module(module=Eager, force=True)
    cfg = load_config(str(DIGITS), dict(data_root=f'{digits}/'))
    cfg.train_dataloader.dataset = ConfigDict(type='Eager', size=3)
    check_before_start(cfg, ('train', 'val'))


def test_a_toolbox_that_cannot_be_imported_is_named(monkeypatch, digits):
    def broken(name):
        if name == 'mmcv.ops':
            raise ImportError('undefined symbol: _ZN3c10')

    monkeypatch.setattr('loma_mm.running.preflight.importlib.import_module', broken)
    text = message(dict(data_root=f'{digits}/'))
    assert 'needs mmdet' in text and 'undefined symbol: _ZN3c10' in text


def test_operators_from_torchvision_are_said(monkeypatch, digits):
    monkeypatch.setattr('loma_mm.mmcv_ops.is_active', lambda: True)
    with pytest.warns(UserWarning, match='come from torchvision'):
        check(dict(data_root=f'{digits}/'))


@pytest.mark.parametrize(
    ('kind', 'suffix', 'times'),
    # Of JSON the second time is that of pycocotools.
    [('voc', '.xml', 1), ('coco', '.json', 2)],
)
def test_annotations_are_read_once(monkeypatch, tmp_path, kind, suffix, times):
    cfg = load_config(CONFIGS[kind], parse_options(make(kind, tmp_path)))
    opened, real = Counter(), builtins.open

    def note(path, *args, **kwargs):
        opened[str(path)] += 1
        return real(path, *args, **kwargs)

    monkeypatch.setattr(builtins, 'open', note)
    check_before_start(cfg, ('train', 'val'))
    files = list(tmp_path.rglob(f'*{suffix}'))
    assert len(files) > 1
    assert [opened[str(path)] for path in files] == [times] * len(files)
