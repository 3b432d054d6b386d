"""Images as people name them."""

import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

# What OpenCV decodes, hence mmcv. Of several images of one name, the first.
SUFFIXES = ('.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp', '.ppm', '.pgm')


def is_image(name: str) -> bool:
    """Whether a file's name is that of an image, and not of a hidden file."""
    base = os.path.basename(name)
    return is_visible(base) and base.lower().endswith(SUFFIXES)


def is_visible(name: str) -> bool:
    """Whether a file or folder is a person's, and not a program's."""
    return not name.startswith('.') and name != '__MACOSX'


def walk_visible(folder: str, suffixes: Sequence[str] = SUFFIXES) -> Iterator[str]:
    """Files below a folder, without what is hidden or macOS's.

    Args:
        folder (str): Where to look. Links to folders are followed.
        suffixes (Sequence[str]): In lower case, with their dots.

    Yields:
        str: Paths relative to the folder, with ``/``, in no order.
    """
    seen = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        # A link may lead back to where it lies.
        place = os.path.realpath(root)
        folders[:] = [] if place in seen else sorted(filter(is_visible, folders))
        if place in seen:
            continue
        seen.add(place)
        inside = os.path.relpath(root, folder).replace(os.sep, '/')
        for name in names:
            if is_visible(name) and name.lower().endswith(tuple(suffixes)):
                yield name if inside == '.' else f'{inside}/{name}'


def common_folder(dataset: Any) -> str:
    """The folder in or below which all images of a dataset lie.

    Args:
        dataset (Any): Of MMEngine, initialised, or a wrapper of such.

    Returns:
        str: An absolute path; the root of all where they have none in common.
    """
    infos = map(dataset.get_data_info, range(len(dataset)))
    folders = {
        os.path.dirname(os.path.abspath(info['img_path']))
        for info in infos
        if info.get('img_path')
    }
    return os.path.commonpath(folders) if folders else os.sep


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
