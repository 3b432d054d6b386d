"""Weights of a checkpoint that a model did not take."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mmengine.config import Config
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import load_checkpoint
from torch import nn

from loma_mm.errors import ConfigError
from loma_mm.names import count, some

from .knobs import head_outputs
from .options import write_names

# PyTorch's sentence on a weight of another shape.
UNLIKE = re.compile(
    r'size mismatch for (\S+): .*?torch\.Size\((\[.*?\])\).*?torch\.Size\((\[.*?\])\)'
)


@dataclass
class Unloaded:
    """What is not as the checkpoint has it.

    Args:
        missing (list[str]): Weights that the checkpoint lacks.
        unlike (list[tuple[str, str, str]]): Weights of other shapes, their shape
            in the checkpoint and in the model.
    """

    missing: list[str] = field(default_factory=list)
    unlike: list[tuple[str, str, str]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unlike)

    def __str__(self) -> str:
        parts = []
        if self.unlike:
            listed = [
                f'{name} {theirs} for {ours}' for name, theirs, ours in self.unlike
            ]
            number = count(len(listed), 'weight')
            parts.append(f'{number} of other shape, {some(listed, 3)}')
        if self.missing:
            number = count(len(self.missing), 'weight')
            parts.append(f'{number} that it lacks, {some(self.missing, 3)}')
        return ' and '.join(parts)


@contextmanager
def watch_loading(model: nn.Module) -> Iterator[Unloaded]:
    """See what a model does not take of a checkpoint that is loaded meanwhile.

    MMEngine says it in a warning and goes on, with weights that are random.

    Args:
        model (nn.Module): With or without a wrapper.

    Yields:
        Unloaded: Empty at first, complete after the block.
    """
    inner: Any = model
    while is_model_wrapper(inner) or isinstance(inner, BaseTTAModel):
        inner = inner.module
    found: list[tuple[list[str], list[str]]] = []

    def hold(
        state: dict, prefix: str, meta: dict, strict: bool, missing: list[str],
        unexpected: list[str], errors: list[str],
    ) -> None:  # fmt: skip
        # PyTorch and MMEngine add to these lists as they go through the model.
        found.append((missing, errors))

    handle = inner._register_load_state_dict_pre_hook(hold)
    unloaded = Unloaded()
    try:
        yield unloaded
    finally:
        handle.remove()
        for missing, errors in found[-1:]:
            # The count of batches does not change what a norm gives.
            unloaded.missing[:] = [
                name for name in missing if 'num_batches_tracked' not in name
            ]
            unloaded.unlike[:] = [
                match.groups()  # type: ignore[misc]
                for match in map(UNLIKE.search, errors)
                if match is not None
            ]


def require_all(unloaded: Unloaded, checkpoint: Any, path: str, cfg: Config) -> None:
    """Raise a ConfigError if weights were not loaded.

    Args:
        unloaded (Unloaded): As :func:`watch_loading` gives it.
        checkpoint (dict): What was loaded.
        path (str): Where it came from.
        cfg (Config): Whose model it is.
    """
    if not unloaded:
        return
    heads = [
        int(theirs.strip('[]').split(',')[0])
        for name, theirs, _ in unloaded.unlike
        if re.search(r'(^head\.|\.fc_cls\.)', name)
    ]
    remedy = ''
    if heads and not unloaded.missing:
        trained = trained_classes(checkpoint)
        known = head_outputs(cfg.model)
        if cfg.get('default_scope') == 'mmdet' and trained:
            remedy = f', such as --cfg-options {write_names(trained)}'
        elif cfg.get('default_scope') == 'mmpretrain' and known is not None:
            remedy = f', such as --cfg-options model.{known[0]}={heads[0]}'
    raise ConfigError(
        f'The checkpoint {path} does not fit the model of this config: {unloaded}; '
        f'give the config and the options with which it was trained{remedy}.'
    )


def trained_classes(checkpoint: Any) -> list[str]:
    """The classes that a checkpoint says it was trained with, if any."""
    meta = (checkpoint.get('meta') if isinstance(checkpoint, dict) else None) or {}
    data = {**meta, **(meta.get('dataset_meta') or {})}
    return list(map(str, data.get('classes') or data.get('CLASSES') or ()))


def load_weights(model: nn.Module, path: str, cfg: Config) -> dict:
    """Load a checkpoint of which a model takes every weight.

    Args:
        model (nn.Module): The model.
        path (str): Path or URL of the checkpoint.
        cfg (Config): Whose model it is.

    Returns:
        dict: The checkpoint.

    Raises:
        ConfigError: If a weight is missing or has another shape.
    """
    with watch_loading(model) as unloaded:
        checkpoint = load_checkpoint(model, path, map_location='cpu', logger='silent')
    require_all(unloaded, checkpoint, path, cfg)
    return checkpoint


def require_order(checkpoint: Any, classes: Sequence[str] | None, path: str) -> None:
    """Raise a ConfigError if classes have other labels than in training.

    Args:
        checkpoint (dict): As MMEngine saves it, with the classes of its training
            set in its ``meta``.
        classes (Sequence[str], optional): Those of the dataset to test on.
        path (str): Of the checkpoint.
    """
    trained = trained_classes(checkpoint)
    named = list(map(str, classes or ()))
    moved = [
        name
        for i, name in enumerate(named)
        # ImageNet has two classes of one name.
        if name in trained and trained[i : i + 1] != [name]
    ]
    if moved:
        raise ConfigError(
            f'{path} was trained with the classes {some(trained)}, and this test set '
            f'numbers them as {some(named)}, so that {some(moved)} would count as '
            f'another: give --cfg-options {write_names(trained)}.'
        )
