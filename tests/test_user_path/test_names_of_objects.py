"""Classes of detectors: as written, counted over all files, none lost silently."""

import json
import shutil

import pytest

from tests.helpers import DETECTOR

SMALL = (
    'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False',
)
VOC07 = 'faster-rcnn_r50_fpn_1x_voc07'


@pytest.fixture
def scenes(digits, tmp_path):
    """The scenes of digits in a folder with a blank in its name; to change."""
    shutil.copytree(digits, tmp_path / 'my data')
    return tmp_path / 'my data'


def rename(folder, old, new, first=None):
    """Rename a class in annotations, all or the first; how many objects."""
    count = 0
    for path in sorted((folder / 'Annotations').glob('*.xml'))[:first]:
        text = path.read_text()
        count += text.count(f'<name>{old}</name>')
        path.write_text(
            text.replace(f'<name>{old}</name>', f'<name>{new}</name>'),
        )
    return count


def objects(folder, split, name):
    names = (folder / f'ImageSets/Main/{split}.txt').read_text().split()
    return sum(
        (folder / f'Annotations/{one}.xml').read_text().count(f'<name>{name}</name>')
        for one in names
    )


def browse(root, out, *options, config=DETECTOR):
    return (
        'browse', config, '--out', out / 'a.png', '--number', 1,
        '--cfg-options', f'data_root={root}', *SMALL, *options,
    )  # fmt: skip


def test_names_with_blanks_and_values(call, scenes, tmp_path):
    """No name is changed, so no object is without a class."""
    names = ['traffic light', 'true', '1e3', '01', 'None', "o'clock", 'a,b']
    digits = ['zero', 'one', 'two', 'three', 'four', 'five', 'six']
    for old, new in zip(digits, names):
        rename(scenes, old, new)
    said = ','.join([*names[:-1], "'a,b'", 'seven', 'eight', 'nine'])
    done = call(*browse(f'{scenes}/', tmp_path, f'classes=[{said}]'))
    assert done.code == 0, done.err
    assert 'of no class' not in done.err
    done = call(*browse(f'{scenes}/', tmp_path, 'classes=[traffic light,seven]'))
    assert done.code == 0, done.err
    assert f'true ({objects(scenes, "train", "true")})' in done.err
    assert 'traffic light (' not in done.err


def test_a_name_of_no_class_and_a_class_without_objects(call, scenes, tmp_path):
    """Counted over all files, with the name that was probably meant."""
    before = objects(scenes, 'train', 'seven')
    count = rename(scenes, 'seven', 'Seven')
    assert 0 < before <= count
    done = call(*browse(scenes, tmp_path))
    assert done.code == 0
    assert f'{before} objects of ' in done.err and f'Seven ({before})' in done.err
    assert 'Seven for seven?' in done.err
    assert 'none is of the class seven' in done.err


def test_one_wrong_file_of_many_is_found(call, scenes, tmp_path):
    last = sorted((scenes / 'Annotations').glob('train_*.xml'))[-1]
    text = last.read_text()
    at = text.index('<name>') + len('<name>')
    last.write_text(text[:at] + 'oddity' + text[text.index('</name>') :])
    done = call(*browse(scenes, tmp_path))
    assert done.code == 0
    assert '1 object of ' in done.err and 'oddity (1)' in done.err


@pytest.mark.parametrize('config', [DETECTOR, VOC07])
def test_the_advice_to_name_classes_is_true(call, scenes, tmp_path, config):
    """Nothing left is an error; what it says to give mends it, in every config."""
    options = []
    if config == VOC07:
        root = tmp_path / 'devkit'
        (root / 'VOC2007').parent.mkdir()
        scenes.rename(root / 'VOC2007')
        main = root / 'VOC2007/ImageSets/Main'
        (main / 'train.txt').rename(main / 'trainval.txt')
    else:
        root, options = scenes, ['classes=[cat,traffic light]']
    done = call(*browse(f'{root}/', tmp_path, *options, config=config))
    assert done.code == 1
    assert 'knows the classes' in done.err and 'seven (' in done.err
    advice = done.err.rsplit('--cfg-options ', 1)[1].strip().rstrip('.')
    assert advice.startswith('classes="[')
    advice = advice.replace('"', '')
    done = call(*browse(f'{root}/', tmp_path, advice, config=config))
    assert done.code == 0, done.err
    assert 'of no class' not in done.err


def test_training_without_any_object(call, scenes, tmp_path):
    for path in (scenes / 'Annotations').glob('*.xml'):
        text = path.read_text()
        start, end = text.index('<object>'), text.rindex('</object>')
        path.write_text(text[:start] + text[end + len('</object>') :])
    done = call(*browse(scenes, tmp_path))
    assert done.code == 1 and 'has an object' in done.err


COCO = """
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    'mmdet::_base_/default_runtime.py',
]
steps = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs'),
]
train_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CocoDataset', data_root={root!r}, ann_file='instances.json',
                 data_prefix=dict(img=''),
                 pipeline=steps))
train_cfg = dict(by_epoch=True, max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
"""


def test_classes_of_a_json(call, coco, tmp_path):
    """COCO's classes for other data, and classes in another order."""
    content = json.loads((coco / 'instances.json').read_text())
    content['categories'].append(dict(id=2, name='ring'))
    content['annotations'][0]['category_id'] = 2
    root = tmp_path / 'a b'
    shutil.copytree(coco, root)
    (root / 'instances.json').write_text(json.dumps(content))
    config = tmp_path / 'own.py'
    config.write_text(COCO.format(root=str(root)))
    words = browse(f'{root}/', tmp_path, config=config)[:-8]
    done = call(*words)
    assert done.code == 1
    assert 'disc (11), ring (1)' in done.err and 'classes="[disc,ring]"' in done.err
    assert call(*words, '--cfg-options', 'classes=[disc,ring]').code == 0
    done = call(*words, '--cfg-options', 'classes=[ring,disc]')
    assert done.code == 1 and 'in the order ring, disc' in done.err
    assert 'classes="[disc,ring]"' in done.err
    done = call(*words, '--cfg-options', 'classes=[disc,cup]')
    assert done.code == 0
    assert 'ring (1)' in done.err and 'none is of the class cup' in done.err


def test_a_detector_that_its_checkpoint_does_not_fit(call, scenes, tmp_path):
    """In both commands that load it; the classes that are told mend it."""
    import torch
    from mmengine.registry import MODELS, init_default_scope

    from loma_mm.running import load_config

    classes = ['seven', 'traffic light']
    rename(scenes, 'one', 'traffic light')
    cfg = load_config(str(DETECTOR), dict(classes=classes))
    init_default_scope('mmdet')
    checkpoint = tmp_path / 'a.pth'
    meta = dict(dataset_meta=dict(classes=tuple(classes)))
    weights = MODELS.build(cfg.model).state_dict()
    torch.save(dict(state_dict=weights, meta=meta), checkpoint)
    options = ('--cfg-options', f'data_root={scenes}/', *SMALL)
    for words in (
        ('test', DETECTOR, checkpoint, '--work-dir', tmp_path),
        ('detect', DETECTOR, checkpoint, '--out', tmp_path / 'a.png', '--number', 1),
    ):
        done = call(*words, *options)
        assert done.code == 1
        assert 'bbox_head.fc_cls.weight [3, 256] for [11, 256]' in done.err
        advice = done.err.rsplit('--cfg-options ', 1)[1].strip().rstrip('.')
        assert advice == 'classes="[seven,traffic light]"'
        done = call(*words, *options, advice.replace('"', ''))
        assert done.code == 0, done.err
        done = call(*words, *options, 'classes=[traffic light,seven]')
        assert done.code == 1 and 'was trained with the classes seven' in done.err
