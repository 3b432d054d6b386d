from .hooks import LastValidationHook, ProbScheduleHook
from .optimizers import CPUOptimWrapper

__all__ = ['CPUOptimWrapper', 'LastValidationHook', 'ProbScheduleHook']
