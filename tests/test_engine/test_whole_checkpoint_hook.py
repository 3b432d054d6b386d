"""A save that is interrupted, by a full disk or a kill, loses nothing."""

import errno
import os
import signal

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.fileio import LocalBackend
from mmengine.model import BaseModel
from mmengine.runner import Runner

from loma_mm.engine.hooks.whole_checkpoint_hook import WholeFileBackend, _RemoveLater
from loma_mm.errors import ConfigError, RunError
from loma_mm.files import whole_file
from loma_mm.running.resume import latest_checkpoint
from loma_mm.running.work_dir import locked
from tests.helpers import CLASSIFIER, start_copy


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x, mode):
        return dict(loss=self.layer(x).mean()) if mode == 'loss' else list(x)


class Score(BaseMetric):
    """Better with every validation."""

    score, others = 0, {}

    def process(self, batch, samples):
        self.results.append(1)

    def compute_metrics(self, results):
        self.score += 1
        return dict(score=self.score, **self.others)


def train(work_dir, epochs, resume=None, **hook):
    """Train one iteration an epoch; each saves."""
    data = dict(
        batch_size=2,
        dataset=[torch.zeros(2)] * 2,
        sampler=dict(type='DefaultSampler', shuffle=False),
        collate_fn=lambda batch: dict(x=torch.stack(batch)),
    )
    if 'save_best' in hook:
        best = dict(val_dataloader=data, val_cfg={}, val_evaluator=[Score()])
    else:
        best = {}
    return Runner(
        Model(),
        str(work_dir),
        train_dataloader=data,
        **best,
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(type='WholeCheckpointHook', interval=1, **hook)
        ),
        default_scope='mmengine',
        visualizer=None,
        log_level='ERROR',
        experiment_name=f'{os.path.basename(work_dir)}_{torch.seed()}',
        load_from=resume,
        resume=resume is not None,
    ).train()


def saved(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


def test_files_of_others_stay(tmp_path):
    """A checkpoint names the best one so far, of the training that saved it."""
    mine, theirs = tmp_path / 'mine', tmp_path / 'theirs.pth'
    for path in (theirs, mine / 'best.pth', mine / 'deeper' / 'best.pth'):
        path.parent.mkdir(exist_ok=True)
        path.write_text('')
    backend = _RemoveLater(LocalBackend(), str(mine))
    backend.remove(str(theirs))
    backend.remove(f'{mine}/../theirs.pth')
    backend.remove(f'{mine}/deeper/best.pth')
    backend.rmtree(str(tmp_path))
    backend.remove(f'{mine}/best.pth')
    backend.carry_out()
    assert theirs.exists() and saved(mine) == []
    assert (mine / 'deeper' / 'best.pth').exists()


def test_the_old_ones_go(tmp_path):
    train(tmp_path, 4, max_keep_ckpts=2)
    assert saved(tmp_path) == ['epoch_3.pth', 'epoch_4.pth']
    assert not [name for name in os.listdir(tmp_path) if 'part' in name]
    state = torch.load(tmp_path / 'epoch_4.pth', weights_only=False)
    assert state['meta']['epoch'] == 4


def test_the_old_ones_go_from_a_folder_of_their_own(tmp_path):
    train(tmp_path, 3, max_keep_ckpts=1, filename_tmpl='deeper/e{}.pth')
    assert saved(tmp_path / 'deeper') == ['e3.pth']


def test_a_best_one_of_a_metric_that_is_none(tmp_path):
    """It was a KeyError; the checkpoint before it is there to go on from."""
    with pytest.raises(ConfigError, match='names acc, and the validation gives score:'):
        train(tmp_path, 2, save_best='acc', rule='greater')
    assert latest_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_1.pth')
    train(
        tmp_path,
        2,
        resume=str(tmp_path / 'epoch_1.pth'),
        save_best='score',
        rule='greater',
    )
    assert 'best_score_epoch_2.pth' in saved(tmp_path)


@pytest.mark.parametrize('keys', ['score', ['score', 'other']])
def test_the_best_one_of_a_work_dir_that_was_moved(tmp_path, keys, monkeypatch):
    """It goes when there is a better one, which it did not."""
    monkeypatch.setattr(Score, 'others', dict(other=1))
    hook = dict(save_best=keys, rule='greater', max_keep_ckpts=1)
    train(tmp_path / 'old', 1, **hook)
    new = (tmp_path / 'old').rename(tmp_path / 'new')
    monkeypatch.setattr(Score, 'score', 1)
    train(new, 2, resume=str(new / 'epoch_1.pth'), **hook)
    left = ['best_other_epoch_1.pth'] if 'other' in keys else []
    assert saved(new) == [*left, 'best_score_epoch_2.pth', 'epoch_2.pth']


@pytest.mark.parametrize(
    ('name', 'hook', 'left'),
    [
        ('epoch_3', {}, ['epoch_2.pth']),
        ('epoch_3', dict(backend_args=dict(backend='local')), ['epoch_2.pth']),
        ('iter_3', dict(by_epoch=False), ['iter_2.pth']),
        (
            'best_score_epoch_3',
            dict(save_best='score', rule='greater'),
            ['best_score_epoch_2.pth', 'epoch_3.pth'],
        ),
    ],
)
def test_a_full_disk(tmp_path, monkeypatch, name, hook, left):
    """Some of a checkpoint is written, then no more."""

    class Full:
        def __init__(self, path):
            self.file = os.open(path, os.O_WRONLY)

        def __enter__(self):
            return self

        def __exit__(self, *args):
            os.close(self.file)

        def write(self, data):
            os.write(self.file, data[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(path, *args, opened=open, **kwargs):
        return Full(path) if f'.{name}.' in str(path) else opened(path, *args, **kwargs)

    monkeypatch.setattr('builtins.open', full)
    with pytest.raises(RunError, match='No space left on device'):
        train(tmp_path, 4, max_keep_ckpts=1, **hook)
    assert saved(tmp_path) == left
    for path in left:
        torch.load(tmp_path / path, weights_only=False)


def test_a_disk_that_is_found_full_at_the_end(tmp_path, monkeypatch):
    """A server may take all that is written, and only then say so."""
    stored = []

    def full(handle):
        stored.append(os.fstat(handle).st_size)
        if len(stored) == 3:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(RunError, match='quota'):
        train(tmp_path, 4, max_keep_ckpts=1)
    assert saved(tmp_path) == ['epoch_2.pth']
    assert stored[1] == os.path.getsize(tmp_path / 'epoch_2.pth')


def test_a_full_disk_while_a_command_trains(call, tiny_options, tmp_path, monkeypatch):
    """A sentence; then there is room, and --resume goes on."""

    def full(path, *args, opened=open, **kwargs):
        if 'epoch_2' in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, *args, **kwargs)

    words = ['train', CLASSIFIER, '--work-dir', tmp_path, '--resume', '--cfg-options']
    words += [
        *tiny_options,
        'train_cfg.max_epochs=2',
        'model.backbone.backbone.depth=8',
    ]
    # As in configs that are not ours.
    words.append('default_hooks.checkpoint.type=CheckpointHook')
    with monkeypatch.context() as patch:
        patch.setattr('builtins.open', full)
        done = call(*words)
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    assert 'No space left on device' in done.err.splitlines()[-1]
    # One is kept, and that one stays.
    assert saved(tmp_path) == ['epoch_1.pth']
    done = call(*words)
    assert done.code == 0 and 'resumed epoch: 1' in done.said
    assert saved(tmp_path) == ['epoch_2.pth']


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='there is no full device')
def test_a_disk_that_was_full_before(call, tiny_options, tmp_path, monkeypatch):
    """Not even the log can be written, of which each line was a trace."""

    def full(path, mode='r', *args, opened=open, **kwargs):
        there = str(path).startswith(str(tmp_path)) and mode[0] in 'wa'
        return opened('/dev/full' if there else path, mode, *args, **kwargs)

    monkeypatch.setattr('builtins.open', full)
    words = ['train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options']
    done = call(*words, *tiny_options)
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    assert done.err.splitlines()[-1].startswith('No space is left on the disk: make')


def killed(work_dir):
    """Train, and end by SIGKILL in the middle of the third save."""
    put = WholeFileBackend.put

    def put_some(self, obj, path):
        if 'epoch_3' in str(path):
            with whole_file(path) as part, open(part, 'wb', 0) as file:
                file.write(obj[: len(obj) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
        put(self, obj, path)

    WholeFileBackend.put = put_some
    train(work_dir, 4, max_keep_ckpts=1)


def test_a_kill_while_it_is_written(tmp_path):
    process = start_copy(killed, str(tmp_path))
    process.join()
    assert process.exitcode == -signal.SIGKILL
    part, whole = saved(tmp_path)
    assert whole == 'epoch_2.pth' and part.startswith('.epoch_3.part-')
    assert latest_checkpoint(str(tmp_path)) == str(tmp_path / whole)
    with locked(str(tmp_path)):  # as the next training does
        assert saved(tmp_path) == [whole]
