from typing import Any

from mmengine.registry import METRICS

from .occlusion import OCCLUSIONS, occlude
from .occlusion_test_loop import OcclusionTestLoop

__all__ = ['OCCLUSIONS', 'OcclusionTestLoop', 'PerClassVOCMetric', 'occlude']


@METRICS.register_module(name='PerClassVOCMetric')
def _build_voc_metric(**kwargs: Any) -> Any:
    # Imported on use: it needs mmdet, which a classifier does without.
    from .voc_metric import PerClassVOCMetric

    return PerClassVOCMetric(**kwargs)


def __getattr__(name: str) -> Any:
    if name == 'PerClassVOCMetric':
        from .voc_metric import PerClassVOCMetric

        return PerClassVOCMetric
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
