from .last_validation_hook import LastValidationHook
from .whole_checkpoint_hook import WholeCheckpointHook

__all__ = ['LastValidationHook', 'WholeCheckpointHook']
