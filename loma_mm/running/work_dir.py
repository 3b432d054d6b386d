"""A work dir belongs to one training at a time."""

import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from loma_mm.errors import BusyError
from loma_mm.files import remove_parts


def _lock(work_dir: str) -> FileLock:
    return FileLock(osp.join(work_dir, 'train.lock'), timeout=0)


@contextmanager
def locked(work_dir: str, launcher: str = 'none') -> Iterator[None]:
    """Hold a work dir; the operating system lets go of it if we are killed.

    Of a distributed training the first process holds it for all. Several tasks of
    one job on slurm, without a launcher, are trainings of their own.

    Args:
        work_dir (str): It is made if it is not there.
        launcher (str): That of the training. Defaults to 'none'.

    Raises:
        BusyError: If another training has it.
    """
    if launcher != 'none' and os.environ.get('RANK', '0') != '0':
        yield
        return
    os.makedirs(work_dir, exist_ok=True)
    try:
        with _lock(work_dir):
            remove_parts(work_dir)
            yield
    except Timeout:
        raise BusyError(
            f'Another process trains in {work_dir}: wait for it, or give '
            'another --work-dir.'
        ) from None


def is_locked(work_dir: str) -> bool:
    """Whether a training is going on in a work dir."""
    if not osp.isdir(work_dir):
        return False
    try:
        with _lock(work_dir):
            return False
    except Timeout:
        return True
