"""What several tests share."""

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


def parse(module, *words):
    """The arguments of a command, as its parser reads them."""
    import argparse

    parser = argparse.ArgumentParser()
    module.add_arguments(parser)
    return parser.parse_args([*map(str, words)])
