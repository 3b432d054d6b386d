from .last_validation_hook import LastValidationHook
from .prob_schedule_hook import ProbScheduleHook

__all__ = ['LastValidationHook', 'ProbScheduleHook']
