"""Every shipped config, with the commands that a user types."""

import json
from pathlib import Path

import numpy as np
import pytest

from loma_mm.running import shipped_configs

from .shrink import shrink


def run(user, capsys, *words):
    """What a command says; it ends well and every check could be made."""
    code = user(*words)
    out, err = capsys.readouterr()
    assert code == 0, err
    # A check that fails itself warns, and stops nothing.
    assert 'could not be checked' not in err
    return out


def losses(work):
    """Every number that the last training in a work dir logged as a loss."""
    logs = work.glob('*/vis_data/scalars.json')
    log = max(logs, key=lambda path: path.stat().st_mtime)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return [value for row in rows for key, value in row.items() if 'loss' in key]


@pytest.mark.parametrize('config', shipped_configs())
def test_it_trains_and_is_tested(user, world, capsys, config):
    path = f'configs/{config}'
    options = ['--cfg-options', *shrink(path)]
    out = run(user, capsys, 'train', path, *options)
    assert 'Saving checkpoint at 1 epochs' in out
    assert 'Epoch(val) [1]' in out
    work = world / 'work_dirs' / Path(config).stem
    found = losses(work)
    assert found and np.isfinite(found).all()
    checkpoint = work / 'epoch_1.pth'
    out = run(user, capsys, 'test', path, checkpoint, *options)
    assert f'Load checkpoint from {checkpoint}' in out
    assert 'Epoch(test)' in out
