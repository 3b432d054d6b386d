"""The tools as a user runs them, on the demo config and a tiny dataset."""

import socket
import subprocess
import sys

import mmcv
import mmengine
import pytest

from loma_mm.running.trust import guarded, require_checkpoint
from tests.helpers import ROOT, run_command

DEMO = (
    ROOT
    / 'configs'
    / 'faster_rcnn'
    / 'faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
)
TRAIN, TEST = 'train', 'test'


def options(digits, *more):
    return (
        '--cfg-options',
        f'data_root={digits}/',
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'default_hooks.logger.interval=1',
        'default_hooks.checkpoint.max_keep_ckpts=-1',
        *more,
    )


@pytest.fixture(scope='module')
def trained(digits, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('work')
    done = run_command(TRAIN, DEMO, '--work-dir', work_dir, *options(digits))
    return work_dir, done.stdout


def test_training_ends_with_the_voc_table(trained):
    work_dir, output = trained
    assert (work_dir / 'epoch_1.pth').is_file()
    table = output[output.rindex('| class') :]
    assert '| seven ' in table and '| mAP ' in table


def test_a_checkpoint_is_tested_and_painted(trained, digits, tmp_path):
    work_dir, _ = trained
    done = run_command(
        TEST,
        DEMO,
        work_dir / 'epoch_1.pth',
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'found.pkl',
        '--show-dir',
        'painted',
        *options(digits),
    )
    assert '| mAP ' in done.stdout
    assert len(mmengine.load(tmp_path / 'found.pkl')) == 4
    assert len(list(tmp_path.glob('*/painted/*'))) == 4


def test_resume_goes_on_from_the_last_epoch(trained, digits):
    work_dir, _ = trained
    done = run_command(
        TRAIN,
        DEMO,
        '--work-dir',
        work_dir,
        '--resume',
        *options(digits, 'train_cfg.max_epochs=2'),
    )
    assert 'Epoch(train) [2][2/2]' in done.stdout
    assert 'Epoch(train) [1]' not in done.stdout


@pytest.mark.parametrize('launcher', ['dist_train.sh', 'dist_test.sh'])
def test_two_processes_on_gloo(trained, digits, tmp_path, monkeypatch, launcher):
    monkeypatch.setenv('PYTHON', sys.executable)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        monkeypatch.setenv('PORT', str(free.getsockname()[1]))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    command = [str(ROOT / 'tools' / launcher), str(DEMO)]
    if launcher == 'dist_test.sh':
        command.append(str(trained[0] / 'epoch_1.pth'))
    done = subprocess.run(
        [*command, '2', '--work-dir', str(tmp_path), *options(digits)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    # MMEngine's name for processes.
    (log,) = (path for path in tmp_path.glob('*/*.log') if path.name.count('_') == 1)
    assert 'GPU number: 2' in log.read_text()
    assert '| mAP ' in done.stdout
    if launcher == 'dist_train.sh':
        # 16 scenes in batches of 8 on two processes: one iteration.
        assert 'Epoch(train) [1][1/1]' in done.stdout
        # What two processes save is loaded without trust.
        with guarded():
            require_checkpoint(str(tmp_path / 'epoch_1.pth'), resume=True)


def test_slurm_script_asks_for_the_gpus(tmp_path, monkeypatch):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:/usr/bin:/bin')
    monkeypatch.setenv('GPUS', '4')
    monkeypatch.setenv('SRUN_ARGS', '--time=1:00 --qos=low')
    words = subprocess.run(
        [ROOT / 'tools/slurm_train.sh', 'gpu', 'loma', DEMO, 'work', '--amp'],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.splitlines()
    assert {
        '--partition=gpu',
        '--job-name=loma',
        '--ntasks=4',
        '--gres=gpu:4',
        '--ntasks-per-node=4',
        '--time=1:00',
        '--qos=low',
    } <= set(words)
    assert words[-5:] == [
        'train',
        str(DEMO),
        '--work-dir=work',
        '--launcher=slurm',
        '--amp',
    ]


def test_auto_scale_lr(digits, tmp_path):
    done = run_command(
        TRAIN,
        DEMO,
        '--auto-scale-lr',
        '--no-validate',
        '--work-dir',
        tmp_path,
        *options(digits, 'train_dataloader.batch_size=4'),
    )
    assert 'Scaling the original LR by 0.5' in done.stdout


@pytest.mark.parametrize(
    'arguments, said',
    [
        ((TRAIN, 'none.py'), 'There is no config file none.py'),
        ((TRAIN, DEMO, '--resume', 'none.pth'), 'There is no checkpoint none.pth'),
        ((TEST, DEMO, 'none.pth'), 'There is no checkpoint none.pth'),
        ((TRAIN, DEMO, '--launcher', 'slurm'), '--launcher slurm needs a GPU'),
        ((TRAIN, DEMO, '--amp'), '--amp needs a GPU'),
    ],
)
def test_mistakes_are_one_sentence(call, digits, monkeypatch, arguments, said):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    monkeypatch.setenv('LOCAL_RANK', '0')
    done = call(*arguments, *options(digits))
    assert done.code == 1
    assert said in done.err.splitlines()[-1]


def test_picture(trained, digits, tmp_path):
    run_command(
        'detect',
        DEMO,
        trained[0] / 'epoch_1.pth',
        '--out',
        tmp_path / 'a.png',
        '--score-thr',
        0,
        '--number',
        3,
        '--columns',
        2,
        *options(digits),
    )
    img = mmcv.imread(tmp_path / 'a.png')
    assert img.shape == (824, 824, 3)
    # Three cells are filled, the fourth is white.
    assert (img[416:-8, 416:-8] == 255).all()
    assert img[8:408, 8:408].std() > 10
    assert not list(tmp_path.glob('*.part*'))
