"""What a user reads first is ours; what others print is in the log file."""

import os
import subprocess
import sys
import warnings

import pytest
from mmengine.utils import is_installed

from loma_mm.errors import LomaWarning
from loma_mm.running.console import quiet
from tests.helpers import ROOT

from .shrink import shrink

# Of other packages, as they are seen on the two stacks.
NOISE = (
    'OneDL',
    'will be deprecated',
    'DeprecationWarning',
    'UserWarning',
    'FutureWarning',
    'pkg_resources',
    'Hooks will be executed',
    'System environment',
    'before_train',
)


def start(world, *words):
    """A process of its own, in the stand-in for a clone."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=world,
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'CUDA_VISIBLE_DEVICES': ''},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def without_notes(text):
    """The lines but for those on mmcv's operators and our compiled loops."""
    return [line for line in text.splitlines() if not line.startswith('Note: ')]


@pytest.mark.slow
@pytest.mark.parametrize(
    'door, config',
    [
        (['-m', 'loma_mm', 'train'], 'faster-rcnn_r50_fpn_loma-rhombus-1x_voc07'),
        (['tools/train.py'], 'configs/resnet_cifar/resnet20_1xb128_image-folder.py'),
    ],
)
def test_training_begins_with_our_line(world, tmp_path, door, config):
    done = start(
        world,
        *door,
        config,
        '--work-dir',
        tmp_path,
        '--cfg-options',
        *shrink(config),
    )
    assert done.returncode == 0, done.stdout
    lines = without_notes(done.stdout)
    assert 'loma_mm' in lines[0] and str(tmp_path) in lines[0]
    assert not [line for line in lines if any(word in line for word in NOISE)]
    (log,) = tmp_path.glob('*/*.log')
    text = log.read_text()
    for word in ('Hooks will be executed', 'System env'):
        assert word in text
    assert ('Could not import OneDL' in text) == is_installed('onedl-mmengine')
    assert 'UserWarning' in text
    # Nothing that was on the terminal is missing from the file.
    assert lines[-1].split(' - ', 3)[-1] in text


@pytest.mark.slow
def test_missing_data_is_the_only_line(tmp_path):
    done = start(tmp_path, '-m', 'loma_mm', 'train', 'faster-rcnn_r50_fpn_1x_voc07')
    assert done.returncode == 1
    (line,) = without_notes(done.stdout)
    assert line.startswith('The dataset of this config is not on disk')


def test_importing_the_package_prints_nothing(tmp_path):
    assert start(tmp_path, '-c', 'import loma_mm').stdout == ''


@pytest.mark.slow
def test_the_output_may_end_early(world):
    """As in ``... --commands slurm | head``."""
    process = subprocess.Popen(
        [
            sys.executable,
            '-m',
            'loma_mm',
            'sweep',
            'resnet20_1xb128-loma-rhombus_cifar10',
            '--commands',
            'slurm',
            # More than a pipe holds.
            '--seeds',
            *map(str, range(200)),
        ],
        cwd=world,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith('srun ')
    process.stdout.close()
    assert not without_notes(process.stderr.read())
    assert process.wait() == 141


def test_our_own_warnings_are_shown(capsys):
    with quiet():
        warnings.warn('read this', LomaWarning, stacklevel=1)
        warnings.warn('of another package', DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == 'Note: read this\n'


def test_an_unforeseen_error_shows_what_was_held_back(capsys):
    with pytest.raises(ZeroDivisionError), quiet():
        warnings.warn('the cause', UserWarning, stacklevel=1)
        raise ZeroDivisionError
    assert 'the cause' in capsys.readouterr().err
