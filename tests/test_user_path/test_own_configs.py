"""Configs of one's own: new style, dumped, with Mosaic, MixUp and EMA."""

import numpy as np
import pytest
import torch
from mmengine.config import Config

from loma_mm.running import config_path

from .faults import CONFIGS, annotation, make
from .shrink import losses, shrink

# NumPy's, of a mean of nothing.
pytestmark = pytest.mark.filterwarnings(
    'error:(Mean of empty|invalid value|divide by):RuntimeWarning'
)

MOSAIC = """
from mmcv.transforms import LoadImageFromFile
from mmdet.datasets import MultiImageMixDataset, XMLDataset
from mmdet.datasets.transforms import (
    FilterAnnotations, LoadAnnotations, MixUp, Mosaic, PackDetInputs, RandomAffine,
)
from mmengine.config import read_base
from mmengine.hooks import EMAHook

from loma_mm import LocalMagnification

with read_base():
    from .shipped import *

scale = (96, 64)
custom_hooks = [dict(type=EMAHook)]
train_dataloader['dataset'] = dict(
    type=MultiImageMixDataset,
    dataset=dict(
        type=XMLDataset,
        data_root=data_root,
        ann_file=train_list,
        data_prefix=dict(sub_data_root=''),
        metainfo=dict(classes=classes),
        pipeline=[
            dict(type=LoadImageFromFile),
            dict(type=LoadAnnotations, with_bbox=True),
        ],
    ),
    pipeline=[
        dict(type=Mosaic, img_scale=scale),
        dict(type=RandomAffine, border=(-48, -32)),
        dict(type=MixUp, img_scale=scale),
        dict(type=LocalMagnification, prob=1, labels='warp'),
        dict(type=FilterAnnotations, min_gt_bbox_wh=(1, 1), keep_empty=False),
        dict(type=PackDetInputs),
    ],
)
"""


SHIPPED = """
from mmengine.config import read_base

with read_base():
    from .shipped import *
"""
BROKEN = {
    'a bracket that stays open': ('model = dict(\n', ':1 ', "'(' was never closed"),
    'an unknown name': ('\nmodel = mine\n', ':2 ', "'mine' is not defined"),
    'no such base': ('_base_ = "./nothing.py"', '/nothing.py ', 'No such file'),
    'no such module': (SHIPPED.replace('ship', 'zip'), ' ', 'zipped.py not found'),
    'an error in new style': (SHIPPED + 'a = [][0]\n', ':6 ', 'index out of range'),
}


def mean_ap(done):
    """What a command measured last, and which classes have an AP."""
    assert done.code == 0, done.said
    assert 'nan' not in done.out.lower()
    line = done.out.rsplit('pascal_voc/mAP: ', 1)[1]
    classes = line.split('\n')[0].split('pascal_voc/AP/')[1:]
    return float(line.split()[0]), [one.split(':')[0] for one in classes]


def test_one_in_new_style_trains_and_goes_on(call, tmp_path):
    """Mosaic, MixUp and then LOMA; EMA; and what a work dir has of it."""
    root, work = tmp_path / 'data', tmp_path / 'work'
    root.mkdir()
    # Of dogs there is none.
    data = [*make('voc', root)[:-1], 'classes=[cat,dog]']
    Config.fromfile(config_path(CONFIGS['voc'])).dump(tmp_path / 'shipped.py')
    mine = tmp_path / 'mine.py'
    mine.write_text(MOSAIC)
    options = ['--cfg-options', *shrink(str(mine)), *data]

    text = annotation((5, 5, 40, 40), (90, 10, 120, 40))
    (root / 'Annotations/a.xml').write_text(text)
    done = call('browse', mine, '--number', 1, '--out', tmp_path / 'a.png', *options)
    assert done.code == 0, done.said
    # By the FilterAnnotations around the dataset.
    assert '120, 40 in 80 x 60 pixels): training leaves them out' in done.err
    done = call('train', mine, '--work-dir', work, *options)
    validated = mean_ap(done)
    found = losses(work)
    assert found and np.isfinite(found).all()
    # A class without an object counts in no mean.
    assert validated[1] == ['cat']

    dumped = work / 'mine.py'
    words = ['test', dumped, work / 'epoch_1.pth', '--work-dir', tmp_path / 'tested']
    # What was validated are the averaged weights.
    assert mean_ap(call(*words)) == validated
    none_found = ['--cfg-options', 'model.test_cfg.rcnn.score_thr=1.1']
    assert mean_ap(call(*words, *none_found)) == (0, ['cat'])
    (root / 'Annotations/d.xml').write_text(annotation())
    done = call(*words)
    assert mean_ap(done) == (0, [])
    assert f'no annotation of {root}/test.txt has an object' in done.err

    more = ['--cfg-options', 'train_cfg.max_epochs=2']
    done = call('train', dumped, '--work-dir', work, '--resume', *more)
    assert done.code == 0 and 'resumed epoch: 1' in done.out, done.said
    saved = [torch.load(work / f'epoch_{i}.pth', weights_only=False) for i in (1, 2)]
    assert [one['ema_state_dict']['steps'] for one in saved] == [2, 4]


def test_a_dumped_one_trains(call, tmp_path):
    root = tmp_path / 'data'
    root.mkdir()
    options = make('folders', root)
    dumped = tmp_path / 'x.py'
    Config.fromfile(config_path(CONFIGS['folders'])).dump(dumped)
    done = call(
        *('train', dumped, '--work-dir', tmp_path / 'work', '--cfg-options'),
        *shrink(str(dumped)),
        *options,
    )
    assert done.code == 0, done.said


@pytest.mark.parametrize('name', BROKEN)
def test_one_that_cannot_be_read_is_named(call, tmp_path, name):
    text, place, reason = BROKEN[name]
    Config(dict(model=None)).dump(tmp_path / 'shipped.py')
    (tmp_path / 'mine.py').write_text(text)
    # Inherited, as that is where people look last.
    (tmp_path / 'other.py').write_text('_base_ = "./mine.py"')
    own = tmp_path / ('mine.py' if 'read_base' in text else 'other.py')
    done = call('train', own, '--work-dir', tmp_path / 'work')
    assert done.code == 1, done.said
    (line,) = done.err.splitlines()
    where, _, what = line.partition('cannot be read as a config: ')
    assert where.startswith(str(tmp_path)) and reason in what
    assert where.endswith(place if place.endswith('py ') else f'mine.py{place}')


@pytest.mark.parametrize(
    ('text', 'absent'),
    # The first is in new style, where imports of other packages are put off.
    [('import cv2\n', 'model'), ("model = dict(type='A')\n", 'train_dataloader')],
)
def test_one_that_lacks_something_is_named(call, tmp_path, text, absent):
    mine = tmp_path / 'mine.py'
    mine.write_text(text)
    done = call('train', mine, '--work-dir', tmp_path / 'work')
    assert done.code == 1, done.said
    assert done.err.startswith(f'The config {mine} has no {absent}: inherit a whole')
