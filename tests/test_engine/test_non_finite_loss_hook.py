"""A loss that is no number ends a training, and spoils no checkpoint."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from loma_mm.engine import NonFiniteLossHook
from loma_mm.errors import RunError
from loma_mm.running import load_config
from loma_mm.running.options import parse_options
from tests.helpers import CLASSIFIER
from tests.test_engine.test_whole_checkpoint_hook import Model, saved


def run(work_dir, losses, interval=2, **hook):
    """Train an iteration an epoch; each saves, if its loss lets it."""
    from mmengine.runner import Runner

    class Losses(Model):
        def forward(self, data_samples, mode):
            return dict(loss=self.layer.weight.sum() * 0 + losses.pop(0))

    class Sample:
        def __init__(self, path):
            self.img_path = path

    Runner(
        Losses(),
        str(work_dir),
        train_dataloader=dict(
            batch_size=2,
            dataset=[0, 1],
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=lambda batch: dict(
                data_samples=[Sample(f'/data/{i}.jpg') for i in batch]
            ),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=len(losses)),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(
                type='WholeCheckpointHook', interval=interval, max_keep_ckpts=1
            ),
            non_finite_loss=dict(type='NonFiniteLossHook', **hook),
        ),
        default_scope='mmengine',
        visualizer=None,
        log_level='ERROR',
        experiment_name=f'{work_dir.name}_{torch.seed()}',
    ).train()


def test_it_stops_and_names_the_images(tmp_path):
    losses = [1, 1, math.nan, math.nan, 1, 1]
    with pytest.raises(RunError, match=r'at iteration 3:.*/data/0.jpg, /data/1.jpg'):
        run(tmp_path, losses, patience=1)
    # Not the one whose weights came of that loss.
    assert saved(tmp_path) == ['epoch_2.pth']


def test_no_checkpoint_of_such_a_loss(tmp_path):
    with pytest.raises(RunError, match='iteration 4: loss = inf'):
        run(tmp_path, [1, 1, 1, math.inf, 1, 1], patience=3)
    assert saved(tmp_path) == ['epoch_2.pth']


def test_it_stops_after_so_many_in_a_row(tmp_path):
    losses = [1, 1, 1, 1, *9 * [math.nan]]
    with pytest.raises(RunError, match=r'at iteration 7:.*for 3 in a row.*iteration 5'):
        run(tmp_path, losses, patience=3, interval=100)


def test_one_that_passes_stops_nothing(tmp_path):
    run(tmp_path, [math.nan, 1, -math.inf, 1], patience=2)
    assert saved(tmp_path) == ['epoch_4.pth']


@pytest.mark.parametrize('name', ['layer.weight', 'statistic'])
def test_no_checkpoint_of_weights_that_are_none(tmp_path, monkeypatch, name):
    """Of a finite loss, whose gradient is not: it replaced the last good one."""

    def build(model):
        init(model)
        model.register_buffer('statistic', torch.ones(2))
        # As that of an attention may be, which is no fault.
        model.register_buffer('mask', torch.full((2,), -math.inf))
        models.append(model)

    class Losses(list):
        def pop(self, first):
            if len(self) == 3:
                models[0].state_dict()[name].fill_(math.nan)
            return super().pop(first)

    init, models = Model.__init__, []
    monkeypatch.setattr(Model, '__init__', build)
    said = f'checkpoint of iteration 4: {name} of the model is no longer finite'
    with pytest.raises(RunError, match=said):
        run(tmp_path, Losses([1, 1, 1, 1, 1, 1]), patience=3)
    assert saved(tmp_path) == ['epoch_2.pth']


@pytest.mark.parametrize('name', ['loss', 'd0.loss_cls', 'disc_loss'])
@pytest.mark.parametrize('kind', [float, np.float32, torch.tensor])
def test_names_and_kinds_of_losses(name, kind):
    """MMEngine minimises what has loss in its name, wherever."""
    hook, runner = NonFiniteLossHook(patience=1), SimpleNamespace(iter=4, cfg={})
    hook.after_train_iter(runner, 0, None, {name: kind(1.0), 'grad_norm': math.inf})
    with pytest.raises(RunError, match=f'iteration 5: {name} = nan'):
        hook.after_train_iter(runner, 0, None, {name: kind(math.nan)})


@pytest.mark.parametrize(
    ('clip', 'then'),
    [
        ('', dict(max_norm=10)),
        ('optim_wrapper = dict(clip_grad=None)', dict(max_norm=10)),
        (
            'optim_wrapper = dict(clip_grad=dict(type="value", clip_value=1))',
            dict(max_norm=10),
        ),
        # Ten would clip less.
        (
            'optim_wrapper = dict(clip_grad=dict(max_norm=5, norm_type=1))',
            dict(max_norm=0.5, norm_type=1),
        ),
    ],
)
def test_the_remedy_fits_the_config(tmp_path, clip, then):
    """The options that it says are read, and clip more than the config does."""
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = '{CLASSIFIER}'\n{clip}\n")
    runner = SimpleNamespace(iter=4, cfg=load_config(str(config)))
    hook = NonFiniteLossHook(patience=1)
    with pytest.raises(RunError) as said:
        hook.after_train_iter(runner, 0, None, dict(loss=math.nan))
    words = re.search('--cfg-options (.*), or', str(said.value))[1].split()
    cfg = load_config(str(config), parse_options(words))
    assert cfg.optim_wrapper.clip_grad == then


@pytest.mark.parametrize('patience', [0, -1, 1.5, 'ten', None, True])
def test_patience(patience):
    with pytest.raises(ValueError, match='patience'):
        NonFiniteLossHook(patience=patience)


def test_the_typed_command(call, tiny_options, tmp_path):
    """A learning rate without sense: a sentence that names files, and exit 1."""
    train = ['train', CLASSIFIER, '--work-dir', tmp_path]
    options = ['--cfg-options', *tiny_options, 'param_scheduler=[]']
    done = call(
        *train,
        *options,
        'train_cfg.max_epochs=8',
        'optim_wrapper.optimizer.lr=1e30',
        'default_hooks.non_finite_loss.patience=1',
    )
    assert done.code == 1
    assert 'Training stopped at iteration' in done.err and '.png' in done.err
    assert not saved(tmp_path) or 'epoch_1' in saved(tmp_path)[0]

    # The remedy, as it is written.
    remedy = re.search(r'optim_wrapper\.\S+=10', done.err).group()
    assert call(*train, '--resume', *options, remedy).code == 0
