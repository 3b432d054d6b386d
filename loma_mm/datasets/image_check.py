"""Whether a file is an image that training can read."""

import os

import mmcv
import numpy as np
from PIL import Image, UnidentifiedImageError

from loma_mm.errors import DataError

# EXIF orientations by which a picture is turned by a quarter.
QUARTER_TURNS = (5, 6, 7, 8)
ORIENTATION = 0x0112
# With what a whole file ends, by PIL's name of its format.
ENDS = {'JPEG': b'\xff\xd9', 'MPO': b'\xff\xd9', 'PNG': b'IEND\xaeB`\x82'}


def image_size(path: str) -> tuple[int, int]:
    """Width and height in pixels as training sees them, upright.

    The header and the last bytes of a JPEG or PNG file are read; where these
    are not as they should be, and of other formats, all of it. OpenCV fills
    what is missing of a JPEG file with grey and says nothing: here it is an
    error.

    Raises:
        DataError: If it is no image that can be decoded, in one sentence.
    """
    try:
        with Image.open(path) as img:
            size, kind = img.size, img.format
            turned = img.getexif().get(ORIENTATION) in QUARTER_TURNS
            if not _ends_well(path, kind):
                _decode(path, img)
    except Image.DecompressionBombError as error:
        raise DataError(f'{path} has too many pixels.') from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        unknown = isinstance(error, UnidentifiedImageError)
        if unknown and (decoded := _decoded(path)) is not None:
            # A format that PIL does not know.
            return decoded.shape[1], decoded.shape[0]
        raise DataError(f'{path} {_reason(path, error)}.') from error
    return (size[1], size[0]) if turned else size


def read_image(path: str) -> np.ndarray:
    """An RGB image of shape (H, W, 3).

    Raises:
        DataError: As :func:`image_size`.
    """
    image_size(path)
    return mmcv.imread(path, channel_order='rgb')


def _ends_well(path: str, kind: str | None) -> bool:
    end = ENDS.get(kind or '')
    if end is None:
        return False
    with open(path, 'rb') as file:
        file.seek(-len(end), os.SEEK_END)
        return file.read() == end


def _decode(path: str, img: Image.Image) -> None:
    if img.format in ENDS:
        img.load()
    # Of TIFF and its like PIL has other kinds.
    elif _decoded(path) is None:
        raise OSError(f'OpenCV cannot decode this {img.format}')


def _decoded(path: str) -> np.ndarray | None:
    try:
        with open(path, 'rb') as file:
            return mmcv.imfrombytes(file.read())
    except Exception:
        # OpenCV's own kinds of error.
        return None


def _reason(path: str, error: Exception) -> str:
    if os.path.isdir(path):
        return 'is a folder, and no image'
    if not os.path.exists(path):
        return 'is not there'
    if not os.path.isfile(path):
        return 'is no file'
    if os.path.getsize(path) == 0:
        return 'is no image, it has zero bytes'
    if isinstance(error, PermissionError):
        return 'cannot be read: permission denied'
    if isinstance(error, UnidentifiedImageError):
        return 'is no image that can be opened'
    return f'is an image that cannot be decoded to its end ({error})'
