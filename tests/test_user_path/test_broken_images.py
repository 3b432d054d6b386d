"""Images that break, and boxes outside of them, while training goes on."""

import json

import cv2
import numpy as np
import pytest

from .faults import CONFIGS, TRAIN, annotation, coco, cut, image, make, shrunk, turned
from .shrink import losses, small

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')


def train(call, config, work, options, *words):
    words = ['--work-dir', work, '--no-validate', *words]
    return call('train', config, *words, '--cfg-options', *small(config), *options)


# ----------------------------------------------------------------------- boxes
def outside(root):
    path = root / 'Annotations/a.xml'
    path.write_text(annotation((5, 5, 40, 40), (90, 10, 120, 40), (70, 70, 75, 90)))


def narrow(root):
    boxes = [(x, 10, x + width, 45) for x, width in ((30, 0), (50, 1), (60, 2))]
    path = root / 'Annotations/a.xml'
    path.write_text(annotation((5, 5, 40, 40), *boxes))


def nothing_else(root):
    (root / 'Annotations/a.xml').write_text(annotation((90, 10, 120, 40)))


@pytest.mark.parametrize('fault', [outside, narrow, nothing_else, turned, shrunk])
def test_the_losses_of_boxes_outside_are_numbers(call, tmp_path, fault):
    root = tmp_path / 'data'
    root.mkdir()
    options = make('voc', root)
    fault(root)
    # Every image in each batch: no box can hide.
    options += ['train_dataloader.batch_size=3', 'default_hooks.logger.interval=1']
    done = train(call, CONFIGS['voc'], tmp_path / 'work', options)
    assert done.code == 0, done.said
    assert 'is inside their image' in done.err
    found = losses(tmp_path / 'work')
    assert found and np.isfinite(found).all()


def test_the_losses_of_the_paper_s_detectors_are_numbers(call, tmp_path):
    root = tmp_path / 'VOC2007'
    root.mkdir()
    make('voc', root)
    for name in TRAIN:
        path = root / f'Annotations/{name}.xml'
        # Large enough for VOC's bbox_min_size.
        path.write_text(annotation((5, 5, 50, 50), (90, 10, 140, 58)))
    (root / 'ImageSets/Main').mkdir(parents=True)
    (root / 'train.txt').rename(root / 'ImageSets/Main/trainval.txt')
    (root / 'test.txt').rename(root / 'ImageSets/Main/test.txt')
    options = [f'data_root={tmp_path}/', 'default_hooks.logger.interval=1']
    config = 'faster-rcnn_r50_fpn_loma-rhombus-1x_voc07'
    done = train(call, config, tmp_path / 'work', options)
    assert done.code == 0, done.said
    assert 'VOC2007/Annotations/a.xml (90, 10, 140, 58' in done.err
    found = losses(tmp_path / 'work')
    assert found and np.isfinite(found).all()


def test_the_losses_of_masks_on_shrunk_images_are_numbers(call, tmp_path):
    root = tmp_path / 'data'
    root.mkdir()
    options = make('coco', root)
    content = coco(TRAIN)
    for i, ann in enumerate(content['annotations'][1:]):
        x = 50 + i
        outline = [x, 35, x + 20, 35, x + 20, 55, x, 55]
        ann.update(bbox=[x, 35, 20, 20], area=400, segmentation=[outline])
    (root / 'train.json').write_text(json.dumps(content))
    for name in TRAIN:
        path = str(root / f'JPEGImages/{name}.jpg')
        cv2.imwrite(path, cv2.resize(cv2.imread(path), (40, 30)))
    options += ['default_hooks.logger.interval=1']
    done = train(call, CONFIGS['coco'], tmp_path / 'work', options)
    assert done.code == 0, done.said
    assert 'is inside their image' in done.err
    found = losses(tmp_path / 'work')
    assert found and np.isfinite(found).all()


# ---------------------------------------------------------------------- images
@pytest.fixture
def unseen(monkeypatch):
    """As if the images broke after they were looked at."""
    monkeypatch.setattr('loma_mm.running.preflight.check_samples', lambda *_: [])


@pytest.mark.parametrize(
    ('fault', 'workers'), [(image(b''), 0), (image(b'text'), 1), (image(None), 1)]
)
def test_an_image_that_breaks_stops_training_once(
    call, tmp_path, unseen, fault, workers
):
    root = tmp_path / 'data'
    root.mkdir()
    options = make('voc', root)
    fault(root)
    options.append(f'train_dataloader.num_workers={workers}')
    done = train(call, CONFIGS['voc'], tmp_path / 'work', options)
    assert done.code == 1
    assert 'Traceback' not in done.said
    last = done.err.strip().splitlines()[-1]
    assert last.startswith(f'{root}/JPEGImages/a.jpg is ')
    assert done.said.count('JPEGImages/a.jpg is') == 1


def test_a_classifier_that_ignores_broken_images_names_each_once(
    call, tmp_path, unseen
):
    root = tmp_path / 'data'
    root.mkdir()
    options = make('folders', root)
    image(b'', 'train/cat/a.jpg')(root)
    options += [
        'train_dataloader.dataset.pipeline.0.ignore_empty=True',
        'train_dataloader.num_workers=0',
        'train_cfg.max_epochs=3',
    ]
    words = ['--work-dir', tmp_path / 'work', '--no-validate', '--cfg-options']
    done = call('train', CONFIGS['folders'], *words, *options)
    assert done.code == 0, done.said
    said = f'{root}/train/cat/a.jpg is no image, it has zero bytes: another sample'
    assert done.err.count(said) == 1


def test_a_test_stops_at_an_image_that_breaks(call, tmp_path, unseen):
    root = tmp_path / 'data'
    root.mkdir()
    options = [*make('folders', root), 'test_dataloader.num_workers=0']
    words = ['--work-dir', tmp_path / 'work', '--cfg-options', *options]
    done = call('train', CONFIGS['folders'], *words, 'train_cfg.max_epochs=1')
    assert done.code == 0, done.said
    image(b'', 'test/dog/d.jpg')(root)
    checkpoint = tmp_path / 'work/epoch_1.pth'
    done = call('test', CONFIGS['folders'], checkpoint, *words)
    assert done.code == 1 and 'Traceback' not in done.said
    assert f'{root}/test/dog/d.jpg is no image, it has zero bytes' in done.err


@pytest.mark.parametrize(
    ('fault', 'found'), [(image(b''), True), (image(None), True), (cut(), False)]
)
def test_of_very_many_images_none_is_opened(call, tmp_path, monkeypatch, fault, found):
    monkeypatch.setattr('loma_mm.running.sample_check.MOST', 2)
    root = tmp_path / 'data'
    root.mkdir()
    options = make('voc', root)
    fault(root)
    words = ['--out', tmp_path / 'a.png', '--number', 1, '--cfg-options', *options]
    done = call('browse', CONFIGS['voc'], *words)
    assert done.code == found, done.said
    assert ('JPEGImages/a.jpg' in done.err) is found


# -------------------------------------------------------- what was right before
@pytest.mark.parametrize(
    'mode', ['gray', 'CMYK', '16-bit', 'RGBA', 'palette', 'trailing', 'webp', 'tif']
)
def test_unusual_images_are_images(call, tmp_path, mode):
    from PIL import Image

    root = tmp_path / 'data'
    root.mkdir()
    options = make('voc', root)
    path = root / 'JPEGImages/a.jpg'
    with Image.open(path) as img:
        img.load()
    path.unlink()
    if mode == '16-bit':
        deep = np.random.default_rng(0).integers(0, 1 << 16, (60, 80), np.uint16)
        cv2.imwrite(str(path.with_suffix('.png')), deep)
    elif mode in ('gray', 'CMYK'):
        img.convert(dict(gray='L').get(mode, mode)).save(path)
    elif mode in ('RGBA', 'palette'):
        img.convert(dict(palette='P').get(mode, mode)).save(path.with_suffix('.png'))
    elif mode == 'trailing':
        img.save(path)
        path.write_bytes(path.read_bytes() + b'of a telephone')
    else:
        img.save(path.with_suffix(f'.{mode}'))
    words = ['--out', tmp_path / 'a.png', '--number', 3, '--cfg-options', *options]
    done = call('browse', CONFIGS['voc'], *words)
    assert done.code == 0, done.said
    assert '3 samples' in done.out
