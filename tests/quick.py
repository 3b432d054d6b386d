"""What makes small commands quick, and changes nothing of what they do."""

import functools
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import mmengine.config.config
import mmengine.config.utils
import mmengine.utils
import torch.utils.data
import yapf.yapflib.yapf_api
from mmengine.dataset import base_dataset
from mmengine.hooks import runtime_info_hook
from mmengine.registry import default_scope
from mmengine.runner import loops, runner

# Toolboxes' indices of their models are read once, and compilers and git are asked
# for their versions once.
load = functools.cache(mmengine.config.utils.load)
collect_env = functools.cache(runner.collect_env)
get_git_hash = functools.cache(mmengine.utils.get_git_hash)
number = itertools.count().__next__
# Python finds a data loader in a cycle, as those of a Runner are, and closes its
# queues before it is asked to stop its workers: they never hear of it, and it
# waits for each, 5 seconds, before it kills it.
torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL = 0.2


def quicken(put=setattr):
    """Leave out what takes most of the time of a small run.

    Args:
        put (Callable): Sets an attribute, as ``monkeypatch.setattr`` does.
    """
    put(mmengine.config.utils, 'load', load)
    put(runner, 'collect_env', collect_env)
    put(runner, 'get_git_hash', get_git_hash)
    put(runtime_info_hook, 'get_git_hash', get_git_hash)
    # Each build waits for a name of its own, which is the time.
    put(default_scope, 'time', SimpleNamespace(sleep=lambda _: None, time=number))
    # All that is imported is searched for garbage once a dataset.
    put(base_dataset, 'gc', SimpleNamespace(collect=lambda: 0))
    # Where data begins again in a loop of iterations, 2 seconds.
    put(loops, 'time', SimpleNamespace(sleep=lambda seconds: None))
    # Printed configs are not laid out.
    put(yapf.yapflib.yapf_api, 'FormatCode', as_it_is)
    if hasattr(mmengine.config.config, 'FormatCode'):
        put(mmengine.config.config, 'FormatCode', as_it_is)


def keep_files_in_memory(folder=Path('/dev/shm'), needed=8 * 2**30):
    """Have temporary files in memory, where it has room: disks are slow to rewrite.

    MMEngine rewrites two of them for each config that it reads.
    """
    if 'TMPDIR' in os.environ or not os.access(folder, os.W_OK):
        return
    # Some tests run what they build.
    runs = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    if runs and shutil.disk_usage(folder).free > needed:
        os.environ['TMPDIR'] = tempfile.tempdir = str(folder)


def as_it_is(text, **_):
    return text, True
