from .hooks import LastValidationHook, WholeCheckpointHook
from .optimizers import CPUOptimWrapper

__all__ = ['CPUOptimWrapper', 'LastValidationHook', 'WholeCheckpointHook']
