from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from mmcv.transforms import BaseTransform
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from loma_mm.checks import check_count
from loma_mm.datasets import LocalMagnification
from loma_mm.errors import ConfigError
from loma_mm.models import BatchLocalMagnification, RandomFeatureAugment
from loma_mm.names import shown

if TYPE_CHECKING:
    from mmengine.runner import Runner

# Whose `prob` follows the schedule.
SCHEDULED = (LocalMagnification, BatchLocalMagnification, RandomFeatureAugment)

# What holds them, in datasets and their wrappers and in data preprocessors; a
# transform is looked through.
HOLDERS = ('dataset', 'datasets', 'pipeline', 'transforms', 'augments')


@HOOKS.register_module()
class ProbScheduleHook(Hook):
    """Let the probability of LOMA follow the course of training.

    At time t (an epoch, or an iteration) the ``prob`` of the config is
    multiplied by ``(t + 1) / warmup`` until that is 1, by the factor of the
    last of ``steps`` that has begun, and by 0 for the last ``off`` times.

    It holds for every :class:`~loma_mm.LocalMagnification` of the training
    pipeline, also in persistent workers; for every
    :class:`~loma_mm.BatchLocalMagnification` of the data preprocessor; and
    for the gate p_f of the feature augments,
    :class:`~loma_mm.RandomFeatureAugment` in all its forms. The log shows
    the current values as ``LocalMagnification_prob`` and so on. The schedule
    is a function of t: a resumed run goes on where it stopped.

    MMDetection's ``PipelineSwitchHook`` exchanges the whole pipeline instead:
    take that where other transforms change too, as YOLOX's do.

    Args:
        warmup (int): The number of epochs in which the probability grows.
            Defaults to 0.
        off (int): The number of epochs at the end without augmentation.
            Defaults to 0.
        steps (Sequence[Tuple[int, float]]): Pairs ``(begin, factor)``, in
            order of ``begin``. Defaults to ().
        by_epoch (bool): Whether all these count epochs, else iterations. A
            worker has drawn the next few batches already, so images follow
            iterations with that delay, and the feature augments without.
            Defaults to True.

    Raises:
        ValueError: At construction, if an argument is outside its range.
        ConfigError: Before training, if there is nothing to schedule, or
            epochs are counted in a loop of iterations.

    Example:
        >>> # in a config
        >>> custom_hooks = [
        ...     dict(type='loma_mm.engine.ProbScheduleHook', warmup=5, off=15)]
    """

    # Before the hooks that log; after those that exchange pipelines.
    priority = 'BELOW_NORMAL'

    def __init__(
        self,
        warmup: int = 0,
        off: int = 0,
        steps: Sequence[tuple[int, float]] = (),
        by_epoch: bool = True,
    ) -> None:
        self.warmup, self.off = check_count('warmup', warmup), check_count('off', off)
        self.by_epoch = by_epoch
        self.steps = _check_steps(steps)
        # Each scheduled object and the probability of its config, by identity:
        # a PipelineSwitchHook may bring new ones.
        self._objects: dict[int, tuple[Any, float]] = {}

    def factor(self, time: int, end: int) -> float:
        """By what a probability is multiplied at a time out of ``end``."""
        if time >= end - self.off:
            return 0.0
        factor = min((time + 1) / self.warmup, 1.0) if self.warmup else 1.0
        begun = [value for begin, value in self.steps if begin <= time]
        return factor * begun[-1] if begun else factor

    def before_train(self, runner: 'Runner') -> None:
        """Find what is to be scheduled."""
        # Loads half of MMEngine, which is there by now.
        from mmengine.runner import IterBasedTrainLoop

        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ConfigError(
                'ProbScheduleHook counts epochs, but the training loop counts '
                'iterations: give it by_epoch=False.'
            )
        self._update(runner)
        if not self._objects:
            names = ', '.join(cls.__name__ for cls in SCHEDULED)
            raise ConfigError(
                'ProbScheduleHook has nothing to schedule: neither the training '
                f'pipeline nor the model has one of {names}.'
            )

    def before_train_epoch(self, runner: 'Runner') -> None:
        """Set the probabilities; the pipeline may be a new one."""
        self._update(runner)

    def before_train_iter(
        self, runner: 'Runner', batch_idx: int, data_batch: Any = None
    ) -> None:
        """Set the probabilities of this iteration."""
        if not self.by_epoch:
            self._set(runner)

    def after_train(self, runner: 'Runner') -> None:
        """Give everything the probability of its config again."""
        for target, prob in self._objects.values():
            target.prob = prob

    def _update(self, runner: 'Runner') -> None:
        for target in _scheduled(runner):
            self._objects.setdefault(id(target), (target, target.prob))
        self._set(runner)

    def _set(self, runner: 'Runner') -> None:
        time = runner.epoch if self.by_epoch else runner.iter
        end = runner.max_epochs if self.by_epoch else runner.max_iters
        factor = self.factor(time, end)
        for target, prob in self._objects.values():
            target.prob = prob * factor
            kind = next(cls for cls in SCHEDULED if isinstance(target, cls))
            runner.message_hub.update_scalar(f'train/{kind.__name__}_prob', target.prob)


def _check_steps(steps: Any) -> list[tuple[int, float]]:
    try:
        pairs = [(int(begin), float(factor)) for begin, factor in steps]
        valid = pairs == sorted(pairs) and all(
            begin >= 0 and 0 <= factor <= 1 for begin, factor in pairs
        )
    except (TypeError, ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError(
            'steps must be pairs (begin, factor), begin rising and factor in '
            f'[0, 1], got {shown(steps)}.'
        )
    return pairs


def _scheduled(runner: 'Runner') -> Iterator[Any]:
    """All objects of the training data and the model whose prob counts."""
    yield from walk(runner.train_dataloader.dataset)
    for module in runner.model.modules():
        if isinstance(module, SCHEDULED):
            yield module
        # MMPretrain's batch augments are no module.
        yield from walk(getattr(module, 'batch_augments', None))


def walk(holder: Any, kinds: Any = SCHEDULED) -> Iterator[Any]:
    """All objects of some kinds in a dataset, its wrappers and pipelines."""
    yield from _walk(holder, kinds, {})


def _walk(holder: Any, kinds: Any, seen: dict[int, Any]) -> Iterator[Any]:
    if holder is None or isinstance(holder, str) or id(holder) in seen:
        return
    # Held, as another list could have the identity of one that is gone.
    seen[id(holder)] = holder
    if isinstance(holder, kinds):
        yield holder
        return
    if isinstance(holder, dict):
        parts = list(holder.values())
    elif isinstance(holder, (list, tuple)):
        parts = list(holder)
    elif isinstance(holder, BaseTransform):
        parts = list(vars(holder).values())
    else:
        parts = [getattr(holder, name, None) for name in HOLDERS]
    for part in parts:
        yield from _walk(part, kinds, seen)
