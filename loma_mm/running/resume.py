"""From which checkpoint an interrupted training goes on."""

import os
import os.path as osp
import warnings
import zipfile
from pathlib import Path

from loma_mm.errors import LomaWarning


def latest_checkpoint(work_dir: str) -> str | None:
    """The newest whole checkpoint of a training.

    MMEngine's pointer ``last_checkpoint`` is believed if what it names is
    there and whole. A process that was killed, or a disk that was full, may
    have left one that is cut off, or none under that name: a warning says what
    is taken in its place.

    Args:
        work_dir (str): Work dir of the training.

    Returns:
        str | None: Its path, or None if there is none.
    """
    folder = Path(work_dir)
    newest = sorted(folder.glob('[!.]*.pth'), key=os.path.getmtime, reverse=True)
    pointer = folder / 'last_checkpoint'
    if pointer.is_file():
        # MMEngine writes it in the encoding of the machine; one that went down may
        # leave zeros in it.
        text = pointer.read_text(encoding='locale', errors='replace')
        if named := text.replace('\0', '').strip():
            # The folder may have been moved since.
            newest = [Path(named), folder / osp.basename(named), *newest]
    whole = next(filter(is_whole, newest), None)
    passed = {}
    for path in newest[: newest.index(whole) if whole else None]:
        passed[osp.abspath(path)] = 'not whole' if osp.exists(path) else 'not there'
    if passed:
        what = ', '.join(f'{name} is {how}' for name, how in passed.items())
        then = f'goes on from {whole}' if whole else 'begins anew'
        warnings.warn(
            f'{what}, so no training can go on from there: it {then}.',
            LomaWarning,
            stacklevel=2,
        )
    return str(whole) if whole else None


def is_whole(path: str | os.PathLike) -> bool:
    """Whether a checkpoint is there to its end.

    PyTorch's files are zip archives, whose table of contents comes last.
    """
    return zipfile.is_zipfile(path)
