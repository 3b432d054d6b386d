from typing import TYPE_CHECKING

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

if TYPE_CHECKING:
    from mmengine.runner import Runner

# Under which a checkpoint keeps when the training was last validated.
KEY = 'last_validation'


@HOOKS.register_module()
class LastValidationHook(Hook):
    """Make up for the validation that a resumed run would leave out.

    MMEngine saves a checkpoint and then validates. So one that is resumed from
    there goes on without that validation: it is not the best epoch, schedules that
    follow a metric do not see it, and a run that had nothing left to train would
    end without a result.
    """

    # When all hooks know where they write to.
    priority = 'LOWEST'

    def before_train(self, runner: 'Runner') -> None:
        """Validate if that was due, and the checkpoint does not know of it."""
        if runner.val_loop is None or not runner.iter:
            return
        done, loop = _progress(runner), runner.train_loop
        known = runner.message_hub.runtime_info.get(KEY) == done
        by_epoch = isinstance(loop, EpochBasedTrainLoop)
        if done >= (loop.max_epochs if by_epoch else loop.max_iters) or (
            _is_due(runner) and not known
        ):
            runner.val_loop.run()

    def before_val(self, runner: 'Runner') -> None:
        """Note it, for a checkpoint that is saved after it."""
        runner.message_hub.update_info(KEY, _progress(runner))


def _is_due(runner: 'Runner') -> bool:
    """Whether the loop would have validated here."""
    loop = runner.train_loop
    if not isinstance(loop, (EpochBasedTrainLoop, IterBasedTrainLoop)):
        return False
    loop._decide_current_val_interval()
    done = _progress(runner)
    return done >= loop.val_begin and done % loop.val_interval == 0


def _progress(runner: 'Runner') -> int:
    """What the loop counts by."""
    loop = runner.train_loop
    return loop.epoch if isinstance(loop, EpochBasedTrainLoop) else loop.iter
