import importlib
import os
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

# One thread, here and in the tools that tests start: on small images more
# threads wait for each other. Before torch is imported, which reads it.
os.environ['OMP_NUM_THREADS'] = '1'

# mmcv's operators, where it has none compiled.
importlib.import_module('loma_mm.mmcv_ops')

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIER = ROOT / 'configs/resnet_cifar/resnet20_1xb64-loma-if-fo_digits.py'
# The first example of a run pays for imports; timings are not tested.
hypothesis.settings.register_profile('suite', deadline=None)
# For make fuzz.
hypothesis.settings.register_profile('fuzz', deadline=None, max_examples=3000)
hypothesis.settings.load_profile('suite')


def run_tool(*command, check=True, cwd=ROOT):
    """Run a tool as a user does; its output is in the failure, if any."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout
    return done


@pytest.fixture(scope='session')
def digits(tmp_path_factory):
    """The demo's dataset in small: 16 train and 4 test scenes."""
    folder = tmp_path_factory.mktemp('data') / 'digits'
    run_tool(
        ROOT / 'tools' / 'make_digits.py', 'voc', folder, '--train', 16, '--test', 4
    )
    return folder


@pytest.fixture(scope='session')
def classifier_options(tmp_path_factory):
    """Arguments that give CLASSIFIER its data and one epoch of training."""
    folder = tmp_path_factory.mktemp('data') / 'digits'
    run_tool(ROOT / 'tools' / 'make_digits.py', 'folder', folder)
    return (
        '--cfg-options',
        f'data_root={folder}',
        'train_cfg.max_epochs=1',
        'train_cfg.val_interval=1',
        'train_dataloader.num_workers=0',
        'val_dataloader.num_workers=0',
        'test_dataloader.num_workers=0',
    )


@pytest.fixture(scope='session')
def classifier(classifier_options, tmp_path_factory):
    """The work dir of CLASSIFIER, trained: it holds epoch_1.pth."""
    folder = tmp_path_factory.mktemp('work')
    done = run_tool(
        ROOT / 'tools' / 'train.py',
        CLASSIFIER,
        '--work-dir',
        folder,
        *classifier_options,
    )
    assert 'accuracy/top1' in done.stdout
    return folder


@pytest.fixture(scope='session')
def tiny_options(classifier_options, tmp_path_factory):
    """Settings with which CLASSIFIER sees two images of each class."""
    _, root, *others = classifier_options
    folder = tmp_path_factory.mktemp('lists')
    lists = []
    for split, loader in (('train', 'train'), ('test', 'val')):
        run_tool(
            ROOT / 'tools' / 'image_folder_list.py',
            f'{root[len("data_root=") :]}/{split}',
            folder / f'{split}.txt',
            '--per-class',
            2,
        )
        lists.append(f'{loader}_dataloader.dataset.ann_file={folder}/{split}.txt')
    return (root, *others, *lists)
