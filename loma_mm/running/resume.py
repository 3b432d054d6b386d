"""From which checkpoint an interrupted training goes on."""

import os
import os.path as osp
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from loma_mm.errors import DataError, LomaWarning

from .trust import load_checkpoint_file, missing_progress


def latest_checkpoint(work_dir: str, hook: dict | None = None) -> str | None:
    """The newest whole checkpoint of a training.

    MMEngine's pointer ``last_checkpoint`` is believed if what it names is
    there and whole. A process that was killed, or a disk that was full, may
    have left one that is cut off, or none under that name: a warning says what
    is taken in its place. Nor does a training go on from weights alone, such as
    MMEngine keeps of the best epoch.

    Args:
        work_dir (str): Work dir of the training.
        hook (dict, optional): The config of its CheckpointHook, which may have
            another folder and other names. Defaults to None.

    Returns:
        str | None: Its path, or None if there is none.
    """
    folder = Path(work_dir)
    found = {path for part in _folders(work_dir, hook or {}) for path in part}
    newest = sorted(found, key=os.path.getmtime, reverse=True)
    pointer = folder / 'last_checkpoint'
    if pointer.is_file():
        # MMEngine writes it in the encoding of the machine; one that went down may
        # leave zeros in it.
        text = pointer.read_text(encoding='locale', errors='replace')
        if named := text.replace('\0', '').strip():
            # The folder may have been moved since, or be a copy of another one.
            here, there = folder / osp.basename(named), Path(named)
            copied = osp.exists(here) and osp.exists(there)
            newest = [here, there, *newest] if copied else [there, here, *newest]
    wrong: dict[str, str] = {}
    for path in newest:
        if not (reason := _what_is_wrong(path)):
            good: Path | None = path
            break
        wrong[osp.abspath(path)] = reason
    else:
        # Of weights alone, whoever loads them says what they are good for.
        good = next(filter(is_whole, newest), None)
        wrong.pop(osp.abspath(good or ''), None)
    if wrong:
        what = ', '.join(f'{name} {how}' for name, how in wrong.items())
        then = f'goes on from {good}' if good else 'begins anew'
        warnings.warn(
            f'{what}, so no training can go on from there: it {then}.',
            LomaWarning,
            stacklevel=2,
        )
    return str(good) if good else None


def _folders(work_dir: str, hook: dict) -> Iterator[Iterator[Path]]:
    """The checkpoints of each folder in which MMEngine may have put them."""
    folders = [work_dir]
    if hook.get('out_dir'):
        folders.append(osp.join(hook['out_dir'], osp.basename(osp.abspath(work_dir))))
    template = hook.get('filename_tmpl') or 'epoch_{}.pth'
    deeper, name = osp.split(template)
    for folder in folders:
        yield Path(folder).glob('[!.]*.pth')
        yield Path(folder, deeper).glob(f'[!.]*{osp.splitext(name)[1]}')


def _what_is_wrong(path: Path) -> str:
    """Why no training can go on from a checkpoint, '' if it can."""
    if not osp.exists(path):
        return 'is not there'
    if not is_whole(path):
        return 'is not whole'
    # One that cannot be read, or runs code, is refused where it is loaded.
    with suppress(DataError):
        missing = missing_progress(load_checkpoint_file(path, map_location='meta'))
        return f'has no {missing[0]}' if missing else ''
    return ''


def is_whole(path: str | os.PathLike) -> bool:
    """Whether a checkpoint is there to its end.

    PyTorch's files are zip archives, whose table of contents comes last.
    """
    return zipfile.is_zipfile(path)
