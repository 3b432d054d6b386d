"""Commands in one process, each as if it were alone in it."""

import contextlib
import logging
import os
import random
import warnings

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.utils import ManagerMixin


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
                    # A test of a full disk ends with one.
                    with contextlib.suppress(OSError):
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
