from .hooks import LastValidationHook, ProbScheduleHook, WholeCheckpointHook
from .optimizers import CPUOptimWrapper

__all__ = [
    'CPUOptimWrapper',
    'LastValidationHook',
    'ProbScheduleHook',
    'WholeCheckpointHook',
]
