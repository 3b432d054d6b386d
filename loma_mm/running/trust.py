"""What is taken from a checkpoint: weights, numbers and text, and no code.

A pickle may name any function of Python and call it. MMEngine asks PyTorch to
take weights alone and, where it refuses, loads all the same.
"""

import os
import os.path as osp
import pickle
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.config import Config
from mmengine.utils import digit_version

from loma_mm.errors import DataError
from loma_mm.names import some

from .checkpoint_file import again, require_checkpoint_file
from .safe_pickle import RESTRICTED, safe_globals

# Before it, its own unpickler of weights has known holes (CVE-2026-24747).
OWN_UNPICKLER = digit_version(torch.__version__) >= digit_version('2.10')
# What a training needs to go on, beside the weights.
PROGRESS = ('meta', 'message_hub', 'optimizer')

_load = torch.load
_fetch = torch.hub.download_url_to_file
_trusted = False


@contextmanager
def guarded(trusted: bool = False) -> Iterator[None]:
    """Let no checkpoint that is loaded meanwhile run code.

    Everybody's ``torch.load`` is :func:`load_checkpoint_file` within the block. And
    a download that fails is a sentence.

    Args:
        trusted (bool): Whether the user trusts the files, so that all of them is
            loaded. Defaults to False.
    """
    global _trusted
    before = (
        _trusted,
        torch.load,
        torch.serialization.load,
        torch.hub.download_url_to_file,
    )
    _trusted = trusted
    torch.load = torch.serialization.load = load_checkpoint_file  # type: ignore
    torch.hub.download_url_to_file = _download
    try:
        yield
    finally:
        (
            _trusted,
            torch.load,
            torch.serialization.load,
            torch.hub.download_url_to_file,
        ) = before


def _download(url: str, dst: str, *args: Any, **kwargs: Any) -> None:
    try:
        _fetch(url, dst, *args, **kwargs)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f'{url} could not be downloaded ({getattr(error, "reason", error)}): fetch '
            f'it by other means and put it there as {dst}.'
        ) from error


def load_checkpoint_file(
    f: Any,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    **kwargs: Any,
) -> Any:
    """Load as ``torch.load`` does, but no code, whatever the caller asks for.

    Args:
        f (str | PathLike | file): See ``torch.load``, as of what follows.
        map_location: Where tensors go.
        pickle_module: Passed on where the user trusts the file, else not used.
        weights_only (bool, optional): Not used.
        **kwargs: Passed on.

    Returns:
        Any: What is in the file.

    Raises:
        DataError: If it is broken, or holds what can run code, and the user
            did not say that it is trusted.
    """
    is_path = isinstance(f, (str, os.PathLike))
    name = str(f) if is_path else getattr(f, 'name', 'The checkpoint')
    if is_path:
        require_checkpoint_file(str(f))
    try:
        if _trusted:
            return _load(f, map_location, pickle_module, weights_only=False, **kwargs)
        return _without_code(_load_weights(f, map_location, **kwargs))
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and not _trusted:
            found = re.search(r'GLOBAL ([\w.]+)', str(error))
            what = found[1] if found else 'something that cannot be checked'
            raise DataError(
                f'{name} holds {what}, and more than weights, numbers and text can run '
                'code of whoever made the file: it was not loaded; if you trust them, '
                'add --trust-checkpoint.'
            ) from error
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(
            f'{name} is a checkpoint that cannot be read ({reason[0]}): {again(name)}.'
        ) from error


def _load_weights(f: Any, map_location: Any, **kwargs: Any) -> Any:
    if not OWN_UNPICKLER:
        return _load(f, map_location, RESTRICTED, weights_only=False, **kwargs)
    # MMEngine's own list has getattr.
    before = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        with torch.serialization.safe_globals(
            [(what, name) for name, what in safe_globals().items()]
        ):
            return _load(f, map_location, weights_only=True, **kwargs)
    finally:
        torch.serialization.add_safe_globals(before)


def _without_code(contents: Any) -> Any:
    """Take out the config that old checkpoints hold: MMEngine's resume runs it."""
    meta = contents.get('meta') if isinstance(contents, dict) else None
    if isinstance(meta, dict):
        meta.pop('config', None)
    return contents


def require_start(cfg: Config) -> None:
    """Raise a DataError if a config's ``load_from`` cannot be loaded."""
    # An empty one, of a shell's empty variable, is none that is there.
    if cfg.get('load_from') is not None:
        require_checkpoint(cfg.load_from, cfg.get('resume', False))


def require_checkpoint(path: str, resume: bool = False) -> None:
    """Raise a DataError unless a checkpoint can be loaded.

    Of a URL nothing is known before it is there.

    Args:
        path (str): Path or URL.
        resume (bool): Whether a training is to go on from it. Defaults to False.
    """
    if '://' in path:
        return
    path = osp.expanduser(path)
    contents = load_checkpoint_file(path, map_location='meta')
    if not isinstance(contents, Mapping):
        raise DataError(
            f'{path} holds a {type(contents).__name__} and no weights: save '
            'dict(state_dict=model.state_dict()) in it.'
        )
    state = contents.get('state_dict', contents)
    tensors = isinstance(state, Mapping) and (
        'state_dict' in contents
        or any(isinstance(value, torch.Tensor) for value in state.values())
    )
    if not tensors:
        raise DataError(
            f'{path} has no state_dict, it has {some(list(contents)) or "nothing"}: '
            'save dict(state_dict=model.state_dict()) in it.'
        )
    missing = missing_progress(contents)
    if resume and missing:
        raise DataError(
            f'{path} has weights and no {" and no ".join(missing)}, so no training can '
            f'go on from it: begin one, with --cfg-options load_from={path} in place '
            'of --resume.'
        )


def missing_progress(contents: Any) -> list[str]:
    """What a checkpoint lacks for a training to go on from it.

    Args:
        contents (Any): What is in the file.
    """
    return [
        key
        for key in PROGRESS
        if not isinstance(contents, Mapping) or key not in contents
    ]
