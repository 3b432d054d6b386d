"""Files that are whole or not there."""

import errno
import os
import os.path as osp
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PART = '.part-'
# Of an OSError: the disk is full, or what a user may have of it.
FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[str]:
    """Give a path to write to, which gets its final name when all is written.

    Whoever reads ``path``, at whatever time, finds the old file or the new
    one and never a part of it, even after a power cut; if the writing fails, the
    old one stays.

    Args:
        path (str | PathLike): The final name. Missing folders are made.

    Yields:
        str: A path beside it, with the same suffix; nobody else has it.

    Example:
        >>> import os, pathlib, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> with whole_file(f'{folder}/a.txt') as part:
        ...     _ = pathlib.Path(part).write_text('all of it')
        >>> os.listdir(folder)
        ['a.txt']
    """
    final = str(path)
    folder, name = osp.split(final)
    os.makedirs(folder or '.', exist_ok=True)
    stem, suffix = osp.splitext(name)
    handle, part = tempfile.mkstemp(
        suffix=suffix, prefix=f'.{stem}{PART}', dir=folder or '.'
    )
    os.close(handle)
    try:
        yield part
        _store(part)
        # mkstemp makes it readable for its owner alone.
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, final)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise


def _store(path: str) -> None:
    """Wait until a file is on the disk.

    Before, a power cut leaves nothing under the new name, and a server has not yet
    said that its disk is full.
    """
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def why_not_writable(path: str | os.PathLike, folder: bool = False) -> str:
    """Why nothing can be written there, found out before the work for it is done.

    Args:
        path (str | PathLike): A file, or a folder. Missing folders above it count
            as made.
        folder (bool): Whether files are to be written into it. Defaults to False.

    Returns:
        str: What is wrong with it, '' if nothing is.

    Example:
        >>> why_not_writable('README.md/a.txt'), why_not_writable('new/a.txt')
        ('README.md is a file, and no folder', '')
    """
    path = str(path)
    if not path or '\0' in path:
        return f'{path!r} is no name of a file'
    try:
        # What is there of it; of a link, that it leads nowhere is seen below.
        if osp.lexists(path) and not folder:
            if osp.isdir(path):
                return f'{path} is a folder'
            if osp.exists(path) and not osp.isfile(path):
                return f'{path} is no file that can be replaced'
            if osp.exists(path) and not os.access(path, os.W_OK):
                return f'{path} is write-protected'
        place = path if folder else osp.dirname(path)
        while place and not osp.lexists(place):
            place = osp.dirname(place)
        place = place or '.'
        if not osp.isdir(place):
            return f'{place} is a file, and no folder'
        # Rights do not tell of full or read-only disks.
        with tempfile.TemporaryFile(dir=place):
            pass
        # Names may be too long.
        with suppress(FileNotFoundError):
            os.stat(path)
    except OSError as error:
        return f'{path} cannot be written: {error.strerror}'
    return ''


def remove_parts(folder: str | os.PathLike) -> None:
    """Remove what a killed process left of files that it was writing.

    For a folder in which nobody else writes at this time.
    """
    for entry in os.scandir(str(folder)):
        if entry.name.startswith('.') and PART in entry.name and entry.is_file():
            os.unlink(entry.path)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a whole text file in UTF-8."""
    with (
        whole_file(path) as part,
        open(part, 'w', encoding='utf-8', newline='') as file,
    ):
        file.write(text)


def _umask() -> int:
    # It can only be read by setting it.
    mask = os.umask(0)
    os.umask(mask)
    return mask
