"""What several tests share."""

import functools
import os
import runpy
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLASSIFIER = ROOT / 'configs/resnet_cifar/resnet20_1xb64-loma-if-fo_digits.py'
DETECTOR = (
    ROOT / 'configs/faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
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


def run_command(*words, check=True, cwd=ROOT):
    """Run a command of ours in a process of its own."""
    return run_python('-m', 'loma_mm', *words, check=check, cwd=cwd)


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
