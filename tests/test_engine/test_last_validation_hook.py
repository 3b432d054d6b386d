"""A resumed run makes up for the validation after its checkpoint."""

import os

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.runner import Runner

from loma_mm.engine import LastValidationHook
from loma_mm.running.resume import latest_checkpoint
from tests.test_engine.test_whole_checkpoint_hook import Model

STEPS = 4
BEST = dict(save_best='score', rule='greater')


class Score(BaseMetric):
    """The score of each step is given; what was scored is remembered."""

    def __init__(self, scores):
        super().__init__()
        self.scores, self.seen = scores, []

    def process(self, batch, samples):
        self.results.append(1)

    def compute_metrics(self, results):
        self.seen.append(self.now())
        return dict(score=self.scores[self.now() - 1])


class Kill(Hook):
    """Ends a training before a validation, or before the step after it."""

    priority = 'VERY_HIGH'

    def __init__(self, before, step):
        setattr(self, before, lambda runner, *_, **__: self.stop(runner))
        self.step = step

    def stop(self, runner):
        if max(runner.epoch, runner.iter) == self.step:
            raise KeyboardInterrupt


def train(work_dir, scores, by_epoch, kill=(), resume=True, **checkpoint):
    """Train one iteration a step; each saves and validates."""
    metric = Score(scores)
    data = dict(
        batch_size=2,
        dataset=[torch.zeros(2)] * 2,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=lambda batch: dict(x=torch.stack(batch)),
    )
    latest = latest_checkpoint(str(work_dir)) if resume else None
    loop = dict(max_epochs=STEPS) if by_epoch else dict(max_iters=STEPS)
    runner = Runner(
        Model(),
        str(work_dir),
        train_dataloader=data,
        val_dataloader=data,
        val_cfg={},
        val_evaluator=[metric],
        train_cfg=dict(by_epoch=by_epoch, val_interval=1, **loop),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        param_scheduler=dict(
            type='ReduceOnPlateauLR', monitor='score', rule='greater', patience=1
        ),
        default_hooks=dict(
            checkpoint=dict(
                type='WholeCheckpointHook', by_epoch=by_epoch, interval=1, **checkpoint
            )
        ),
        custom_hooks=[LastValidationHook(), *(Kill(*one) for one in kill)],
        load_from=latest,
        resume=latest is not None,
        default_scope='mmengine',
        visualizer=None,
        log_level='ERROR',
        experiment_name=f'{work_dir}_{os.urandom(4).hex()}',
    )
    metric.now = lambda: runner.epoch if by_epoch else runner.iter
    try:
        runner.train()
    except KeyboardInterrupt:
        assert kill
    return metric.seen


def state(work_dir):
    path = latest_checkpoint(str(work_dir))
    state = torch.load(path, weights_only=False)
    return state['param_schedulers'], state['optimizer']['param_groups']


@pytest.mark.parametrize('by_epoch', [True, False])
@pytest.mark.parametrize('before', ['before_val', 'before_train_iter'])
def test_what_follows_a_metric(tmp_path, by_epoch, before):
    """The schedule is that of a run that was not killed, and so is the best step."""
    scores = [1, 3, 2, 2]
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    assert train(whole, scores, by_epoch, **BEST) == [1, 2, 3, 4]
    seen = []
    for step in (2, 3):
        seen += train(killed, scores, by_epoch, kill=[(before, step)], **BEST)
    seen += train(killed, scores, by_epoch, **BEST)
    # The third is no better, so that no checkpoint knows of it.
    third = [3] if before == 'before_train_iter' else []
    assert seen == [1, 2, *third, 3, 4]
    assert state(killed) == state(whole)
    best = {path.name for path in whole.glob('best*')}
    assert len(best) == 1 and best == {path.name for path in killed.glob('best*')}


def test_the_best_step_is_the_last(tmp_path):
    """It is saved, though nothing is left to train."""
    assert train(tmp_path, range(4), True, [('before_val', 4)], **BEST) == [
        1,
        2,
        3,
    ]
    assert train(tmp_path, range(4), True, **BEST) == [4]
    assert [path.name for path in tmp_path.glob('best*')] == ['best_score_epoch_4.pth']


def test_a_new_run_is_not_validated_before_it_begins(tmp_path):
    assert train(tmp_path, range(4), True) == [1, 2, 3, 4]
    again = tmp_path / 'again'
    assert train(again, range(4), True, resume=False) == [1, 2, 3, 4]
