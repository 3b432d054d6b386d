"""A pickle that names nothing but harmless types and functions."""

import argparse
import pickle
from collections import Counter
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from torch._weights_only_unpickler import _get_allowed_globals

try:
    from numpy._core import multiarray
except ImportError:  # NumPy 1
    from numpy.core import multiarray  # type: ignore[no-redef]

# What a state names of its own class.
METHODS = (
    (HistoryBuffer, ('min', 'max', 'current', 'mean')),
    (OneCycleParamScheduler, ('_annealing_cos', '_annealing_linear')),
)


def _method(owner: Any, name: Any) -> Any:
    """In place of getattr, by which a pickle names a method of a class."""
    if not any(owner is kind and name in names for kind, names in METHODS):
        raise pickle.UnpicklingError('GLOBAL builtins.getattr')
    return getattr(owner, name)


@cache
def safe_globals() -> dict[str, Any]:
    """What MMEngine's checkpoints hold beside what PyTorch itself takes.

    Returns:
        dict[str, Any]: The types and functions by their full names in a pickle.
    """
    dtypes = [type(np.dtype(code)) for code in np.typecodes['All'] if code not in 'OV']
    found: dict[str, Any] = {
        'builtins.getattr': _method,
        'builtins.slice': slice,
        **{f'{kind.__module__}.{kind.__qualname__}': kind for kind, _ in METHODS},
        # Nested settings of a dataset's metainfo.
        'mmengine.config.config.ConfigDict': ConfigDict,
        # The command line, in checkpoints of other projects.
        'argparse.Namespace': argparse.Namespace,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
        **{f'{kind.__module__}.{kind.__qualname__}': kind for kind in dtypes},
    }
    # NumPy 2 has another name for what NumPy 1 wrote, and the other way round.
    for core in ('core', '_core'):
        for name in ('_reconstruct', 'scalar'):
            found[f'numpy.{core}.multiarray.{name}'] = getattr(multiarray, name)
    return found


@cache
def _every_global() -> dict[str, Any]:
    """With what PyTorch before 2.10 takes, and newer ones take beside that."""
    kinds = (torch.bool, torch.uint8, torch.bfloat16)
    return {
        **_get_allowed_globals(),
        **safe_globals(),
        'torch.device': torch.device,
        **{str(kind): kind for kind in kinds},
        'builtins.set': set,
        'builtins.bytearray': bytearray,
        'builtins.complex': complex,
        '_codecs.encode': _as_bytes,
        # The milestones of a schedule.
        'collections.Counter': Counter,
    }


def _as_bytes(text: str, encoding: str) -> bytes:
    """In place of codecs.encode, by which Python 3 writes bytes for Python 2."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError('GLOBAL _codecs.encode')
    return text.encode(encoding)


# In Python, as PyTorch's: C's lets nobody look at what a state is given to.
_PythonUnpickler: Any = pickle._Unpickler  # type: ignore[attr-defined]


class _Unpickler(_PythonUnpickler):
    """Python's, which calls nothing but what is allowed."""

    def find_class(self, module: str, name: str) -> Any:
        """What a pickle may name; Python 2 called the builtins otherwise."""
        full = f'{"builtins" if module == "__builtin__" else module}.{name}'
        if full not in _every_global():
            raise pickle.UnpicklingError(f'GLOBAL {full}')
        return _every_global()[full]

    def load_build(self) -> None:
        """Give an object its state, but no type or function another one."""
        kind = type(self.stack[-2])
        if kind not in _every_global().values():
            raise pickle.UnpicklingError(f'GLOBAL {kind.__qualname__}.__setstate__')
        super().load_build()

    dispatch = _PythonUnpickler.dispatch | {pickle.BUILD[0]: load_build}


# A pickle_module of torch.load.
RESTRICTED = SimpleNamespace(
    __name__='restricted',
    Unpickler=_Unpickler,
    load=lambda file, **kwargs: _Unpickler(file, **kwargs).load(),
)
