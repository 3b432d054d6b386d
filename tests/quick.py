"""What makes small commands quick, and changes nothing of what they do."""

import functools
from types import SimpleNamespace

import mmengine.config.config
import mmengine.config.utils
import mmengine.utils
import torch.utils.data
import yapf.yapflib.yapf_api
from mmengine.hooks import runtime_info_hook
from mmengine.runner import loops, runner

# Toolboxes' indices of their models are read once, and compilers and git are asked
# for their versions once.
load = functools.cache(mmengine.config.utils.load)
collect_env = functools.cache(runner.collect_env)
get_git_hash = functools.cache(mmengine.utils.get_git_hash)
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
    # Where data begins again in a loop of iterations, 2 seconds.
    put(loops, 'time', SimpleNamespace(sleep=lambda seconds: None))
    # Printed configs are not laid out.
    put(yapf.yapflib.yapf_api, 'FormatCode', as_it_is)
    if hasattr(mmengine.config.config, 'FormatCode'):
        put(mmengine.config.config, 'FormatCode', as_it_is)


def as_it_is(text, **_):
    return text, True
