"""From which checkpoint an interrupted training goes on."""

import os
import os.path as osp
import zipfile
from pathlib import Path


def latest_checkpoint(work_dir: str) -> str | None:
    """The newest whole checkpoint of a training.

    MMEngine's pointer ``last_checkpoint`` is believed if what it names is
    there and whole. A process that was killed, or a disk that was full, may
    have left one that is cut off, or none under that name.

    Args:
        work_dir (str): Work dir of the training.

    Returns:
        str | None: Its path, or None if there is none.
    """
    folder = Path(work_dir)
    newest = sorted(folder.glob('[!.]*.pth'), key=os.path.getmtime, reverse=True)
    pointer = folder / 'last_checkpoint'
    # MMEngine writes it in the encoding of the machine.
    if pointer.is_file() and (
        named := pointer.read_text(encoding='locale', errors='replace').strip()
    ):
        # The folder may have been moved since.
        newest = [Path(named), folder / osp.basename(named), *newest]
    return next((str(path) for path in newest if is_whole(path)), None)


def is_whole(path: str | os.PathLike) -> bool:
    """Whether a checkpoint is there to its end.

    PyTorch's files are zip archives, whose table of contents comes last.
    """
    return zipfile.is_zipfile(path)
