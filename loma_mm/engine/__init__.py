from .hooks import (
    LastValidationHook,
    ProbScheduleHook,
    TrainSamplesHook,
    WholeCheckpointHook,
)
from .optimizers import CPUOptimWrapper

__all__ = [
    'CPUOptimWrapper',
    'LastValidationHook',
    'ProbScheduleHook',
    'TrainSamplesHook',
    'WholeCheckpointHook',
]
