"""A save that is interrupted, by a full disk or a kill, loses nothing."""

import os
import signal
import subprocess
import sys

import pytest
import torch
from mmengine.fileio import LocalBackend
from mmengine.model import BaseModel
from mmengine.runner import Runner

from loma_mm.engine.hooks.whole_checkpoint_hook import WholeFileBackend, _RemoveLater
from loma_mm.running.resume import latest_checkpoint
from loma_mm.running.work_dir import locked


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x, mode):
        return dict(loss=self.layer(x).mean())


def train(work_dir, epochs, **hook):
    """Train one iteration an epoch; each saves."""
    return Runner(
        Model(),
        str(work_dir),
        train_dataloader=dict(
            batch_size=2,
            dataset=[torch.zeros(2)] * 2,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=lambda batch: dict(x=torch.stack(batch)),
        ),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(type='WholeCheckpointHook', interval=1, **hook)
        ),
        default_scope='mmengine',
        visualizer=None,
        log_level='ERROR',
        experiment_name=f'{os.path.basename(work_dir)}_{epochs}',
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


@pytest.mark.parametrize('written', [0, 100])
def test_a_full_disk(tmp_path, monkeypatch, written):
    put = WholeFileBackend.put

    def full(self, obj, filepath):
        with monkeypatch.context() as patch:
            if 'epoch_3' in str(filepath):
                # Some of it is written, then no more.
                patch.setattr('builtins.open', lambda *a, **k: _Full(a[0], written))
            put(self, obj, filepath)

    class _Full:
        def __init__(self, path, count):
            self.file = os.open(path, os.O_WRONLY)
            self.count = count

        def __enter__(self):
            return self

        def __exit__(self, *args):
            os.close(self.file)

        def write(self, data):
            os.write(self.file, data[: self.count])
            raise OSError(28, 'No space left on device')

    monkeypatch.setattr(WholeFileBackend, 'put', full)
    with pytest.raises(OSError, match='No space left'):
        train(tmp_path, 4, max_keep_ckpts=1)
    assert saved(tmp_path) == ['epoch_2.pth']
    torch.load(tmp_path / 'epoch_2.pth', weights_only=False)


def test_a_kill_while_it_is_written(tmp_path):
    """In a process of its own: it is killed in the middle of a save."""
    code = (
        'import os, signal, sys\n'
        'from tests.test_engine.test_whole_checkpoint_hook import *\n'
        'put = WholeFileBackend.put\n'
        'def killed(self, obj, path):\n'
        '    if "epoch_3" in str(path):\n'
        '        from loma_mm.files import whole_file\n'
        '        with whole_file(path) as part, open(part, "wb", 0) as file:\n'
        '            file.write(obj[: len(obj) // 2])\n'
        '            os.kill(os.getpid(), signal.SIGKILL)\n'
        '    put(self, obj, path)\n'
        'WholeFileBackend.put = killed\n'
        'train(sys.argv[1], 4, max_keep_ckpts=1)\n'
    )
    done = subprocess.run([sys.executable, '-c', code, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL
    part, whole = saved(tmp_path)
    assert whole == 'epoch_2.pth' and part.startswith('.epoch_3.part-')
    assert latest_checkpoint(str(tmp_path)) == str(tmp_path / whole)
    with locked(str(tmp_path)):  # as the next training does
        assert saved(tmp_path) == [whole]
