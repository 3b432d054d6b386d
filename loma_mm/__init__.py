"""LOMA for OpenMMLab: importing this package registers all its modules.

Without MMEngine and mmcv, ``loma_mm.functional`` works alone.
"""

import sys
from importlib.util import find_spec
from typing import Any

from .version import __version__

_TOOLBOX = ('mmengine', 'mmcv')
# While ``python -m loma_mm doctor`` imports this package, its first argument is
# '-m'. The doctor imports what may be broken in other processes.
_IS_DOCTOR = sys.argv[:2] == ['-m', 'doctor']

if not _IS_DOCTOR and all(find_spec(name) for name in _TOOLBOX):
    from . import engine, evaluation  # noqa: F401 (they register their parts)
    from .datasets import LocalMagnification
    from .models import (
        BatchLocalMagnification,
        CIFARResNet,
        FeatureAugmentBackbone,
        FeatureAugmentNeck,
        FeatureLocalMagnification,
        FeatureMapOffset,
        PyramidNet,
        RandomFeatureAugment,
        WideResNet,
    )

__all__ = [
    'BatchLocalMagnification',
    'CIFARResNet',
    'FeatureAugmentBackbone',
    'FeatureAugmentNeck',
    'FeatureLocalMagnification',
    'FeatureMapOffset',
    'LocalMagnification',
    'PyramidNet',
    'RandomFeatureAugment',
    'WideResNet',
    '__version__',
    'config_path',
]


def config_path(name: str) -> str:
    """The path of a shipped config, for the ``_base_`` of a config elsewhere.

    MMEngine evaluates that line, so it may be
    ``_base_ = __import__('loma_mm').config_path('faster_rcnn/...')``. Under
    ``python -m loma_mm``, ``_base_ = 'loma_mm::faster_rcnn/...'`` is the same.

    Args:
        name (str): What follows ``configs/`` in its path, or the name alone.

    Raises:
        ConfigError: If there is no such config, with the nearest names.
    """
    from .running.configs import config_path

    return config_path(name)


def __getattr__(name: str) -> Any:
    if name in __all__:
        raise ImportError(
            f'loma_mm.{name} needs {" and ".join(_TOOLBOX)}, which are not '
            'installed: install MMDetection or MMPretrain; loma_mm.functional '
            'works without them.'
        )
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
