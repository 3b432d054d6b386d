"""What a file is that was given for a checkpoint."""

import os.path as osp
import string
import zipfile
from pathlib import Path

import torch

from loma_mm.errors import DataError
from loma_mm.names import some

ZIP = b'PK\x03\x04'
# How PyTorch before 1.6 began, with a pickle of protocol 2.
PICKLE = b'\x80'
LFS = b'version https://git-lfs'
PAGE = (b'<!doctype html', b'<html', b'<?xml')
TEXT = set(string.printable.encode())


def require_checkpoint_file(path: str) -> None:
    """Raise a DataError for a file that PyTorch did not write, or not to its end.

    Args:
        path (str): A local path.
    """
    if osp.isdir(path):
        raise DataError(f'{path} is a folder: name a checkpoint{_of(path)}.')
    if not osp.isfile(path):
        raise DataError(
            f'There is no checkpoint {path or repr(path)}: name '
            f'one{_of(osp.dirname(path) or ".")}.'
        )
    try:
        with open(path, 'rb') as file:
            start = file.read(512)
    except OSError as error:
        raise DataError(f'{path} cannot be read: {error.strerror}.') from error
    if not start:
        raise DataError(f'{path} is empty: {again(path)}.')
    if start.startswith(LFS):
        raise DataError(
            f'{path} is a pointer of Git LFS and not the checkpoint: git lfs pull '
            'fetches it.'
        )
    if start.lstrip().lower().startswith(PAGE):
        raise DataError(
            f'{path} is a web page and no checkpoint: the address is that of a page '
            f'about the file; {again(path)}.'
        )
    if TEXT.issuperset(start):
        raise DataError(
            f'{path} is a text file and no checkpoint: name the file that PyTorch '
            'wrote (.pth).'
        )
    if start.startswith(ZIP):
        _require_archive(path)
    elif not start.startswith(PICKLE) and not path.endswith('.safetensors'):
        raise DataError(
            f'{path} is no file of PyTorch: name the checkpoint that it wrote (.pth).'
        )


def _require_archive(path: str) -> None:
    try:
        names = torch._C.PyTorchFileReader(path).get_all_records()
    except RuntimeError as error:
        if not zipfile.is_zipfile(path):
            others = _of(osp.dirname(path) or '.', but=path)
            raise DataError(
                f'{path} is cut off: {again(path)}{others and ", or take one"}{others}.'
            ) from error
        names = []
    if 'constants.pkl' in names:
        raise DataError(
            f'{path} is a program (TorchScript) and no checkpoint: save '
            'dict(state_dict=model.state_dict()) instead.'
        )
    if 'data.pkl' not in names:
        raise DataError(
            f'{path} is an archive that PyTorch did not write: name a checkpoint '
            '(.pth), which may be in it.'
        )


def again(path: str) -> str:
    """What to do for another copy of a file; PyTorch keeps what it downloads."""
    if osp.abspath(path).startswith(osp.join(torch.hub.get_dir(), '')):
        return 'remove it, and it is downloaded again'
    return 'copy or download it again'


def _of(folder: str, but: str = '') -> str:
    """The checkpoints of a folder, for the end of a sentence."""
    names = sorted(path.name for path in Path(folder).glob('[!.]*.pth'))
    names = [name for name in names if name != osp.basename(but)]
    return f' of {osp.join(folder, "")}, which has {some(names, 3)}' if names else ''
