"""What several tests share."""

import functools
import importlib
import multiprocessing
import os
import random
import runpy
import subprocess
import sys
import tempfile
from multiprocessing import forkserver
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from .quick import quicken

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIER = ROOT / 'configs/resnet_cifar/resnet20_1xb64-loma-if-fo_digits.py'
DETECTOR = (
    ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
)
COPIES = multiprocessing.get_context('forkserver')
COPIES.set_forkserver_preload(
    [
        # first mmcv's operators, where it has none compiled
        'loma_mm.mmcv_ops',
        'mmdet.apis',
        'mmpretrain.apis',
        'loma_mm.commands.train',
        'tests.helpers',
    ]
)


def run_python(*words, check=True, cwd=ROOT):
    """Run Python as a user does; its output is in the failure, if any."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout
    return done


def start_command(*words, out=os.devnull, cwd=ROOT):
    """Type a command and do not wait for it; its output goes to a file.

    It has a process of its own, which is a copy of one that has the toolboxes
    imported: most of the time of a small command. Commands of a process that
    imports them itself are in test_installed.
    """
    return start_copy(
        _be_command, [*map(str, words)], str(out), str(cwd), dict(os.environ)
    )


def start_copy(function, *args):
    """Call a function in a copy of a process that has the toolboxes imported."""
    # Where the server finds the packages, with what the path names already.
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
    with mock.patch.dict(os.environ, PYTHONPATH=path):
        forkserver.ensure_running()
    process = COPIES.Process(target=function, args=args)
    process.start()
    return process


def _be_command(words, out, cwd, environment):
    written = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for number, name in ((1, 'stdout'), (2, 'stderr')):
        os.dup2(written, number)
        setattr(sys, name, os.fdopen(number, 'w', buffering=1, closefd=False))
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = environment.get('PYTHONPATH', '').split(os.pathsep)
    os.chdir(cwd)
    # Or every copy would draw the same.
    random.seed()
    np.random.seed()
    torch.seed()
    quicken()
    sys.argv = ['loma_mm', *words]
    sys.exit(importlib.import_module('loma_mm.__main__').main())


def run_command(*words, check=True, cwd=ROOT):
    """Type a command; its output is in the failure, if any."""
    with tempfile.NamedTemporaryFile('r', encoding='utf-8') as out:
        process = start_command(*words, out=out.name, cwd=cwd)
        process.join()
        said = out.read()
    assert not check or process.exitcode == 0, said
    return subprocess.CompletedProcess(words, process.exitcode, said)


def probe_here():
    """The doctor's probe in this process: once, but for configs."""
    from loma_mm.doctor.imports import PROBE

    take = runpy.run_path(str(PROBE))['take']
    once = functools.cache(take)

    def probe(steps, config=None):
        os.environ['LOMA_DOCTOR_CONFIG'] = config or ''
        return {name: (take if name == 'config' else once)(name) for name in steps}

    return probe


def parse(module, *words):
    """The arguments of a command, as its parser reads them."""
    import argparse

    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([*map(str, words)])
