"""Files that are whole or not there."""

import os
import os.path as osp
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PART = '.part-'


@contextmanager
def whole_file(path: str | os.PathLike) -> Iterator[str]:
    """Give a path to write to, which gets its final name when all is written.

    Whoever reads ``path``, at whatever time, finds the old file or the new
    one and never a part of it; if the writing fails, the old one stays.

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
        # mkstemp makes it readable for its owner alone.
        os.chmod(part, 0o666 & ~_umask())
        os.replace(part, final)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise


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
