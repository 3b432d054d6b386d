from typing import Any

from .occlusion import KINDS, METRIC, occlude, occlusion_accuracy
from .occlusion_test_loop import OcclusionTestLoop

__all__ = [
    'KINDS',
    'METRIC',
    'OcclusionTestLoop',
    'PerClassVOCMetric',
    'occlude',
    'occlusion_accuracy',
]


def __getattr__(name: str) -> Any:
    """Import on use: it needs mmdet, which a classifier does without."""
    if name == 'PerClassVOCMetric':
        from .voc_metric import PerClassVOCMetric

        return PerClassVOCMetric
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
