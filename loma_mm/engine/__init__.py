from .hooks import (
    DrawSeedHook,
    LastValidationHook,
    NonFiniteLossHook,
    ProbScheduleHook,
    TrainSamplesHook,
    WholeCheckpointHook,
)
from .optimizers import CPUOptimWrapper

__all__ = [
    'CPUOptimWrapper',
    'DrawSeedHook',
    'LastValidationHook',
    'NonFiniteLossHook',
    'ProbScheduleHook',
    'TrainSamplesHook',
    'WholeCheckpointHook',
]
