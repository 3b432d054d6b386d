"""Every shipped config, with the commands that a user types."""

from pathlib import Path

import numpy as np
import pytest

from loma_mm.running import shipped_configs

from .shrink import losses, shrink


def run(user, capsys, *words):
    """What a command says; it ends well and every check could be made."""
    code = user(*words)
    out, err = capsys.readouterr()
    assert code == 0, err
    # A check that fails itself warns, and stops nothing.
    assert 'could not be checked' not in err
    return out


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
