from .last_validation_hook import LastValidationHook
from .prob_schedule_hook import ProbScheduleHook
from .whole_checkpoint_hook import WholeCheckpointHook

__all__ = ['LastValidationHook', 'ProbScheduleHook', 'WholeCheckpointHook']
