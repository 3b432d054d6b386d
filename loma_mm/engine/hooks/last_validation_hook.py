from typing import TYPE_CHECKING

from mmengine.hooks import Hook
from mmengine.registry import HOOKS

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class LastValidationHook(Hook):
    """Validate a run that is resumed after its last epoch.

    One that was stopped between its last checkpoint and its last validation
    has nothing left to train, and MMEngine would end it without a result.
    """

    def before_train(self, runner: 'Runner') -> None:
        """Validate if nothing is left to train."""
        if runner.val_loop is not None and runner.iter >= runner.train_loop.max_iters:
            runner.val_loop.run()
