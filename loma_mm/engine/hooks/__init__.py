from .draw_seed_hook import DrawSeedHook
from .last_validation_hook import LastValidationHook
from .non_finite_loss_hook import NonFiniteLossHook
from .prob_schedule_hook import ProbScheduleHook
from .train_samples_hook import TrainSamplesHook
from .whole_checkpoint_hook import WholeCheckpointHook

__all__ = [
    'DrawSeedHook',
    'LastValidationHook',
    'NonFiniteLossHook',
    'ProbScheduleHook',
    'TrainSamplesHook',
    'WholeCheckpointHook',
]
