"""Images as people name them."""

import os
from functools import lru_cache

# What OpenCV decodes, hence mmcv. Of several images of one name, the first.
SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image, and not of a hidden file."""
    base = os.path.basename(name)
    return not base.startswith('.') and base.lower().endswith(SUFFIXES)


def find_image(folder: str, stem: str) -> str | None:
    """The image of a name without its suffix.

    Args:
        folder (str): Where images are.
        stem (str): What stands before the suffix; may begin with folders.

    Returns:
        str | None: The path, or None where there is none. ``.jpg`` comes
        before other suffixes; upper and lower case of the suffix are alike.
    """
    folder, name = os.path.split(os.path.join(folder, stem))
    try:
        changed = os.stat(folder).st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = _images(os.path.abspath(folder), changed).get(name)
    return None if found is None else os.path.join(folder, found)


# Datasets ask for one image after the other of the same folder.
@lru_cache(maxsize=64)
def _images(folder: str, changed: int) -> dict[str, str]:
    """Images of a folder, as it was at a time, by their names without suffix."""
    names = [entry.name for entry in os.scandir(folder) if is_image(entry.name)]
    # Of several of one name the last stays.
    names.sort(key=lambda name: (SUFFIXES.index(_suffix(name)), name), reverse=True)
    return {os.path.splitext(name)[0]: name for name in names}


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()
