from .hooks import LastValidationHook
from .optimizers import CPUOptimWrapper

__all__ = ['CPUOptimWrapper', 'LastValidationHook']
