import contextlib
import functools
import gc
import importlib
import logging
import os
import random
import shutil
import warnings

import mmengine.config.config
import mmengine.config.utils
import numpy as np
import pytest
import torch
import torchvision.datasets
import yapf.yapflib.yapf_api
from mmengine.logging import MMLogger
from mmengine.runner import runner
from mmengine.utils import ManagerMixin

from loma_mm.__main__ import main
from tests.helpers import ROOT

from .standin import make_data, md5


@pytest.fixture(scope='session')
def world(tmp_path_factory):
    """A folder that looks like a clone with all the data, but small."""
    root = tmp_path_factory.mktemp('clone')
    for name in ('configs', 'tools', 'loma_mm', 'Makefile', 'requirements'):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'docs', root / 'docs')
    make_data(root)
    for layout, folder in (('voc', 'digits-voc'), ('folder', 'digits')):
        sizes = ['--train', '16', '--test', '2'] if layout == 'voc' else []
        words = ['make-digits', layout, str(root / 'data' / folder), *sizes]
        with alone():
            assert main(words) == 0
    return root


@pytest.fixture(scope='session', autouse=True)
def imported():
    """Datasets collect garbage as they are read: not what will stay."""
    for name in ('mmcv.ops', 'mmdet.apis', 'mmpretrain.apis'):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def managers(cls=ManagerMixin):
    """MMEngine's classes that hold instances of global access."""
    yield cls
    for child in cls.__subclasses__():
        yield from managers(child)


@contextlib.contextmanager
def alone():
    """Give a command what a process of its own finds, and take back what it leaves.

    Otherwise a visualizer or a logger of an earlier test would serve it.
    """
    before = {cls: dict(cls._instance_dict) for cls in managers()}
    for cls in before:
        cls._instance_dict.clear()
    environment = dict(os.environ)
    rng = random.getstate(), np.random.get_state(), torch.get_rng_state()
    benchmark = torch.backends.cudnn.benchmark
    threads = torch.get_num_threads()
    cwd = os.getcwd()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        os.chdir(cwd)
        for logger in MMLogger._instance_dict.values():
            for handler in logger.handlers:
                if isinstance(handler, logging.FileHandler):
                    handler.close()
        for cls in managers():
            cls._instance_dict.clear()
            cls._instance_dict.update(before.get(cls, {}))
        os.environ.clear()
        os.environ.update(environment)
        random.setstate(rng[0])
        np.random.set_state(rng[1])
        torch.set_rng_state(rng[2])
        torch.backends.cudnn.benchmark = benchmark
        torch.set_num_threads(threads)


@pytest.fixture
def user(world, monkeypatch):
    """A user in that folder: gives ``main``; nothing of a call stays."""
    from mmpretrain.datasets import CIFAR10, CIFAR100

    monkeypatch.chdir(world)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    # Most of the time of a small run, and nothing of what it does: compilers
    # are asked for their versions once, toolboxes' indices of their models are
    # read once, and printed configs are not laid out.
    monkeypatch.setattr(mmengine.config.utils, 'load', load)
    monkeypatch.setattr(runner, 'collect_env', collect_env)
    for place in (yapf.yapflib.yapf_api, mmengine.config.config):
        monkeypatch.setattr(
            place, 'FormatCode', lambda text, **_: (text, True), raising=False
        )
    for dataset, root in (
        (CIFAR10, 'cifar10'),
        (CIFAR100, 'cifar100'),
        (torchvision.datasets.CIFAR10, 'cifar10'),
    ):
        folder = world / 'data' / root / dataset.base_folder
        for split in ('train_list', 'test_list'):
            files = [name for name, _ in getattr(dataset, split)]
            monkeypatch.setattr(
                dataset, split, [[name, md5(folder / name)] for name in files]
            )
        meta = dict(dataset.meta, md5=md5(folder / dataset.meta['filename']))
        monkeypatch.setattr(dataset, 'meta', meta)

    def call(*words):
        with alone():
            return main(list(map(str, words)))

    return call


@pytest.fixture
def call(call):
    """Type a command, of which nothing stays."""

    def call_alone(*words):
        with alone():
            return call(*words)

    return call_alone


collect_env = functools.cache(runner.collect_env)
load = functools.cache(mmengine.config.utils.load)
