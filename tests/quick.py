"""What makes small commands quick, and changes nothing of what they do."""

import functools

import mmengine.config.config
import mmengine.config.utils
import yapf.yapflib.yapf_api
from mmengine.runner import runner

# Toolboxes' indices of their models are read once, and compilers are asked for
# their versions once.
load = functools.cache(mmengine.config.utils.load)
collect_env = functools.cache(runner.collect_env)


def quicken(put=setattr):
    """Leave out what takes most of the time of a small run.

    Args:
        put (Callable): Sets an attribute, as ``monkeypatch.setattr`` does.
    """
    put(mmengine.config.utils, 'load', load)
    put(runner, 'collect_env', collect_env)
    # Printed configs are not laid out.
    put(yapf.yapflib.yapf_api, 'FormatCode', as_it_is)
    if hasattr(mmengine.config.config, 'FormatCode'):
        put(mmengine.config.config, 'FormatCode', as_it_is)


def as_it_is(text, **_):
    return text, True
