import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch import Tensor, nn

from loma_mm.checks import check_count
from loma_mm.errors import RunError
from loma_mm.names import some

if TYPE_CHECKING:
    from mmengine.runner import Runner

# How many images of a batch a message names.
NAMED = 8


@HOOKS.register_module()
class NonFiniteLossHook(Hook):
    """Stop a training whose loss is NaN or infinite, and name the images.

    Such a loss seldom becomes a number again: the weights are gone with it.
    Nor is a checkpoint written while it is none, or while the weights are none
    (a finite loss may have a gradient that is not), which would replace a good
    one.

    Args:
        patience (int): How many iterations in a row may have such a loss
            before training stops; the last of them stops it. Defaults to 10.

    Raises:
        ValueError: At construction, if ``patience`` is not a whole number
            from 1 on.
        RunError: In training, as said.

    Example:
        >>> # in a config
        >>> custom_hooks = [
        ...     dict(type='loma_mm.engine.NonFiniteLossHook', patience=1)]
    """

    # Before hooks that save.
    priority = 'HIGH'

    def __init__(self, patience: int = 10) -> None:
        self.patience = check_count('patience', patience, 1)
        self._count = self._first = 0
        self._bad: dict[str, float] = {}
        self._images: list[str] = []
        # Masks may be infinite, and weights that nobody uses may be anything.
        self._odd: set[str] = set()

    def before_train(self, runner: 'Runner') -> None:
        """Look at what was not finite to begin with."""
        self._odd = set(_not_finite(runner.model))

    def after_train_iter(
        self,
        runner: 'Runner',
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Look at the losses of this iteration."""
        # MMEngine's RuntimeInfoHook reads them all in any case.
        bad = {
            name: number
            for name, value in (outputs or {}).items()
            # As MMEngine tells them from what is only logged.
            if 'loss' in str(name) and not math.isfinite(number := _number(value))
        }
        if not bad:
            self._count = 0
            return
        if not self._count:
            self._first = runner.iter + 1
            self._images = list(_names(data_batch))
        self._count += 1
        self._bad = bad
        if self._count >= self.patience:
            raise RunError(self._message(runner, bad))

    def before_save_checkpoint(self, runner: 'Runner', checkpoint: dict) -> None:
        """Keep the weights of such a loss, or gradient, out of the work dir."""
        if self._count:
            raise RunError(self._message(runner, self._bad))
        spoiled = [name for name in _not_finite(runner.model) if name not in self._odd]
        if spoiled:
            raise RunError(
                f'Training stopped before the checkpoint of iteration '
                f'{checkpoint["meta"]["iter"]}: {some(spoiled, 3)} of the model '
                f'is no longer finite, though the last losses are: {_remedy(runner)}.'
            )

    def _message(self, runner: 'Runner', bad: dict[str, float]) -> str:
        losses = ', '.join(f'{name} = {value}' for name, value in bad.items())
        named = ', '.join(self._images[:NAMED]) or 'whose samples have no names'
        more = len(self._images) - NAMED
        if more > 0:
            named += f' and {more} more'
        return (
            f'Training stopped at iteration {self._first + self._count - 1}: {losses}, '
            f'not finite for {self._count} in a row; the first, iteration '
            f'{self._first}, had the images {named}: look at them, then '
            f'{_remedy(runner)}.'
        )


def _remedy(runner: 'Runner') -> str:
    """What to type, with a smaller norm of gradients than that of the config."""
    wrapper = runner.cfg.get('optim_wrapper') or {}
    clip = wrapper.get('clip_grad') or {}
    options = [f'optim_wrapper.clip_grad.max_norm={clip.get("max_norm", 100) / 10:g}']
    # None, or a clipping of another kind, has no place for it.
    if 'clip_grad' in wrapper and 'max_norm' not in clip:
        options.insert(0, 'optim_wrapper.clip_grad._delete_=true')
    return (
        f'--resume from the last checkpoint with --cfg-options {" ".join(options)}, '
        'or start anew with a lower learning rate, which --resume would take from the '
        'checkpoint'
    )


def _not_finite(model: nn.Module) -> Iterator[str]:
    """The weights and statistics of a model that are NaN or infinite."""
    for name, value in (*model.named_parameters(), *model.named_buffers()):
        if not torch.isfinite(value).all():
            yield name


def _number(value: Any) -> float:
    """A loss as a number; 0 for what is no single one, which nobody minimises."""
    if isinstance(value, Tensor):
        value = value.detach().item() if value.numel() == 1 else 0.0
    return float(value) if isinstance(value, (int, float, np.floating)) else 0.0


def _names(data_batch: Any) -> Iterator[str]:
    """What tells the samples of a batch apart: their files, or their indices."""
    samples = data_batch.get('data_samples') if isinstance(data_batch, dict) else None
    for sample in samples if isinstance(samples, (list, tuple)) else ():
        # An image that was mixed has several data samples.
        for part in sample if isinstance(sample, (list, tuple)) else (sample,):
            for key in ('img_path', 'img_id', 'sample_idx'):
                name = getattr(part, key, None)
                if name is not None:
                    yield str(name) if key == 'img_path' else f'{key} {name}'
                    break
