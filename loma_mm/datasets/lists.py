"""Lists of samples, as editors on any system leave them."""

import codecs
import os.path as osp
import re

from mmengine.fileio import get

from loma_mm.errors import DataError

# The longer marks first: UTF-32's begins with UTF-16's.
MARKS = {
    codecs.BOM_UTF8: 'utf-8',
    codecs.BOM_UTF32_LE: 'utf-32-le',
    codecs.BOM_UTF32_BE: 'utf-32-be',
    codecs.BOM_UTF16_LE: 'utf-16-le',
    codecs.BOM_UTF16_BE: 'utf-16-be',
}


def read_lines(path: str, backend_args: dict | None = None) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, with their numbers.

    Lines end as on Unix, Windows or old Macs; blanks around them go. The text
    is UTF-8, or what its byte order mark says.

    Args:
        path (str): The file.
        backend_args (dict, optional): As MMEngine's datasets have it.

    Raises:
        DataError: If it is no text, naming the line.
    """
    data = get(path, backend_args=backend_args)
    return [
        (number, line.strip())
        for number, line in enumerate(re.split(r'\r\n|\r|\n', _decode(data, path)), 1)
        if line.strip()
    ]


def _decode(data: bytes, path: str) -> str:
    mark = next((mark for mark in MARKS if data.startswith(mark)), b'')
    data, encoding = data.removeprefix(mark), MARKS.get(mark, 'utf-8')
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b'\n', 0, error.start) + 1
        raise DataError(
            f'{path}:{line} is not {encoding.upper()} ({error.reason}): save the list '
            'as UTF-8.'
        ) from error
    if '\0' in text:
        raise DataError(
            f'{path} is no text in UTF-8, it has zero bytes: save the list as UTF-8.'
        )
    return text


def split_line(line: str, where: str) -> tuple[str, int]:
    """Image and label of a line of a list.

    Raises:
        DataError: If it has not both.
    """
    name, *rest = line.rsplit(maxsplit=1)
    try:
        label = int(rest[0])
    except (IndexError, ValueError):
        label = -1
    if label < 0:
        raise DataError(
            f'{where} is not the name of an image, a blank and a label from 0 on, but '
            f'{line!r}: mend the line or take it out.'
        )
    return name, label


def check_inside(path: str, folder: str, where: str) -> None:
    """Raise a DataError unless a path leads into a folder.

    Lists come from strangers: one that names ``../../x`` reads no other files.
    Links are followed, they are the user's own.

    Args:
        path (str): What the list makes of a name.
        folder (str): The folder. The empty one holds everything.
        where (str): List and line, for the message.
    """
    folder = osp.abspath(folder) if folder else osp.sep
    inside = osp.abspath(path)
    if inside != folder and not inside.startswith(osp.join(folder, '')):
        raise DataError(
            f'{where} leads to {inside}, which is outside {folder}: take the line out, '
            'or move the file there.'
        )
