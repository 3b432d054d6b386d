from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

from loma_mm.seeding import SeededBatch, seed_generators

if TYPE_CHECKING:
    from mmengine.runner import Runner

# What the last number of a key stands for; the first two are seed and rank.
BATCH, EPOCH, STEP = range(3)
# Under which a checkpoint keeps an epoch and the iteration at which it began.
KEY = 'epoch_began'


class SeededBatchSampler:
    """A batch sampler whose batches bring the seed of their draws.

    Args:
        batches (Iterable): The batch sampler of a data loader.
        seed (int): Of the run.
        rank (int): Of this process.
    """

    def __init__(self, batches: Any, seed: int, rank: int) -> None:
        self._batches = batches
        self._run = seed, rank
        self.start(0)

    def start(self, epoch: int, number: int = 0, skip: int = 0) -> None:
        """Say of which epoch the next batch is, and the how many-th of it.

        Args:
            epoch (int): The epoch.
            number (int): Of the batch. Defaults to 0.
            skip (int): How many of the next pass are left out, which counts
                them. Defaults to 0.
        """
        self._epoch, self._number, self._skip = epoch, number + skip, skip

    def __getattr__(self, name: str) -> Any:
        # sampler, batch_size, drop_last; not while it is unpickled.
        if name.startswith('_'):
            raise AttributeError(name)
        return getattr(self._batches, name)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[SeededBatch]:
        # A loop of iterations reads the data several times in its one epoch.
        skip, self._skip = self._skip, 0
        for batch in islice(self._batches, skip, None):
            yield SeededBatch(batch, (*self._run, BATCH, self._epoch, self._number))
            self._number += 1


@HOOKS.register_module()
class DrawSeedHook(Hook):
    """Seed all random draws of a training from seed, rank and progress.

    MMEngine seeds once, when a process starts. So a resumed training draws
    again what it drew in its first epochs, as each epoch does where workers
    are not persistent; and ranks draw alike.

    Here the draws of a batch of images come from (seed, rank, epoch, number
    of the batch), whatever the number of workers and how they start; those in
    the training process, such as those of the feature augments, from (seed,
    rank, iteration). Hence nothing of it need be in a checkpoint: a training
    that is resumed draws what it would have drawn without the interruption.
    Ranks draw independently, with or without ``randomness.diff_rank_seed``;
    the order of the samples is the sampler's, which MMEngine seeds.

    Our commands add it to every training. Under MMDetection's and
    MMPretrain's own tools it is one line of the config. It does not reach
    data without a batch sampler (``batch_size=None``),
    nor generators that are not the global ones of Python, NumPy and torch.

    Example:
        >>> # in a config
        >>> custom_hooks = [dict(type='loma_mm.engine.DrawSeedHook')]
    """

    # Before whatever draws.
    priority = 'HIGHEST'

    def before_train(self, runner: 'Runner') -> None:
        """Let the batches of the training data bring their seeds."""
        self._run = int(runner.seed or 0), get_rank()
        self._batches: SeededBatchSampler | None = None
        loop = runner.train_loop
        loader = loop.dataloader
        if getattr(loader, 'batch_sampler', None) is None or _has_begun(loop):
            runner.logger.warning(
                'DrawSeedHook does not reach this data loader: its random draws '
                'depend on the number of workers and begin anew with a resumed run.'
            )
        else:
            batches = loader.batch_sampler
            if isinstance(batches, SeededBatchSampler):
                batches = batches._batches
            self._batches = SeededBatchSampler(batches, *self._run)
            # It has as many batches, which is why DataLoader forbids others.
            object.__setattr__(loader, 'batch_sampler', self._batches)
        if runner.iter and not runner._randomness_cfg.get('diff_rank_seed'):
            # Without a seed in the config the sampler was built with a new one,
            # before MMEngine read that of the checkpoint.
            for holder in (loader, getattr(loader, 'batch_sampler', None)):
                sampler: Any = getattr(holder, 'sampler', None)
                if isinstance(getattr(sampler, 'seed', None), int):
                    sampler.seed = self._run[0]
        seed_generators(*self._run, EPOCH, runner.iter)

    def before_train_epoch(self, runner: 'Runner') -> None:
        """Seed what is drawn before the first iteration, and the batches."""
        # In the middle of an epoch if it goes on from a checkpoint that was saved
        # by_epoch=False; MMEngine would train the whole epoch again.
        began = runner.message_hub.runtime_info.get(KEY, ())
        if not began or began[0] != runner.epoch:
            began = [runner.epoch, runner.iter]
            runner.message_hub.update_info(KEY, began)
        if self._batches is not None:
            loop = runner.train_loop
            by_epoch = isinstance(loop, EpochBasedTrainLoop)
            skip = runner.iter - began[1] if by_epoch else 0
            number = _batches_skipped(loop, runner.iter)
            self._batches.start(runner.epoch, number, skip)
        seed_generators(*self._run, EPOCH, began[1])

    def before_train_iter(
        self, runner: 'Runner', batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed what is drawn in the training process."""
        seed_generators(*self._run, STEP, runner.iter)


def _has_begun(loop: Any) -> bool:
    """Whether workers load batches already.

    MMEngine 0.10.7 starts them when it builds a loop of iterations.
    """
    iterator = getattr(loop, 'dataloader_iterator', None)
    return getattr(iterator, '_iterator', None) is not None


def _batches_skipped(loop: Any, done: int) -> int:
    """How many batches a resumed loop of iterations leaves out without reading them.

    It passes over those that it had, unless it may leave that to the sampler.
    """
    iterator = getattr(loop, 'dataloader_iterator', None)
    if iterator is None or not done:
        return 0
    by_sampler = (
        hasattr(iterator, 'skip_iter')
        and hasattr(loop.dataloader.sampler, 'skip')
        and loop.dataloader.batch_size
    )
    return done if by_sampler or getattr(loop, 'fast_forward_on_resume', False) else 0
