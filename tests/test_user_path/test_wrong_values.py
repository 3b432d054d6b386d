"""Values that a part of a config cannot take are a sentence, and no trace."""

import pytest
import torch

from .faults import CONFIGS, make

PARTS = {
    'model=3': 'model of the config',
    'train_cfg=3': 'train_cfg of the config',
    'train_dataloader=3': 'train_dataloader of the config',
    'train_dataloader.dataset=3': 'train_dataloader.dataset of the config',
    'train_dataloader.dataset.pipeline.0=3': 'do not fit the config',
    'custom_hooks=3': 'must be a list, got 3',
    'param_scheduler=3': 'must be a dict or list, got 3',
    'default_scope=3': 'must be a str, got 3',
    'model.backbone=3': 'model of the config',
    'model.backbone.depth=19': '6n + 2 (8, 14, 20, ...), got 19 (the trace is in',
    'model.head.loss.type=Loss': 'Loss is not in the',
    'optim_wrapper.optimizer.lr=fast': 'optim_wrapper of the config',
    'visualizer.vis_backends=[3]': 'visualizer of the config',
    'train_dataloader.sampler=3': 'train_cfg or its data of the config',
    'default_hooks.logger=3': 'a hook of the config',
    'env_cfg.mp_cfg=3': 'The Runner of the config',
    'param_scheduler=[3]': 'The Runner of the config',
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    return make('folders', root)


@pytest.mark.parametrize('option', PARTS)
def test_one_sentence_names_the_part(call, data, tmp_path, option):
    words = ['--work-dir', tmp_path, '--cfg-options', *data]
    words += ['train_dataloader.num_workers=0', option]
    done = call('train', CONFIGS['folders'], *words)
    assert done.code == 1
    assert 'Traceback' not in done.said
    last = done.err.strip().splitlines()[-1]
    assert PARTS[option] in last
    assert not list(tmp_path.glob('*.pth'))
    if 'trace is in' in last:
        log = last.rpartition('trace is in ')[2].removesuffix(').')
        with open(log) as file:
            assert 'Traceback (most recent call last)' in file.read()


@pytest.mark.parametrize(
    'way', ['test', 'occlusion', 'draw-cam', 'draw-feature-maps', 'detect']
)
def test_whatever_builds_a_model_says_it(enter, way):
    """With a checkpoint that is right."""

    def write(path, contents):
        torch.save(contents, path)

    done, *_ = enter(way, 'model.backbone=3', write=write)
    assert done.code == 1
    assert 'model of the config' in done.err.strip().splitlines()[-1]
