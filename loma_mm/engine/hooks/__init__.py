from .last_validation_hook import LastValidationHook
from .prob_schedule_hook import ProbScheduleHook
from .train_samples_hook import TrainSamplesHook
from .whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    'LastValidationHook',
    'ProbScheduleHook',
    'TrainSamplesHook',
    'WholeCheckpointHook',
]
