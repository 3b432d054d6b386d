"""Which kind of dataset somebody has."""

import os
from pathlib import Path

from loma_mm.errors import DataError

from .coco import is_coco, read_coco
from .folders import read_folders
from .found import Found, Problem, Split, visible_files
from .voc import read_voc

__all__ = ['Found', 'Problem', 'Split', 'read_dataset']


def read_dataset(
    data: str | Path,
    out: str | Path,
    *,
    images: str | Path | None = None,
    annotations: str | Path | None = None,
    lists: tuple[str, str] | None = None,
    test_share: float = 0.2,
    seed: int = 0,
) -> Found:
    """Find out of what kind a dataset is and what it holds. Nothing is written.

    VOC's XML makes it 'voc', COCO's JSON 'coco', and folders of images, one a
    class, 'folders'.

    Args:
        data (str | Path): The folder in which the dataset lies.
        out (str | Path): With what the names of files to write begin.
        images (str | Path, optional): The folder of the images, where it is
            not below ``data`` or not clear.
        annotations (str | Path, optional): The folder of the XML files, or a
            JSON file.
        lists (tuple[str, str], optional): The train and test lists to take.
        test_share (float): In (0, 1), of a split that is drawn.
        seed (int): Of that split.

    Raises:
        DataError: If it is of no kind, or nothing in it can be used.
    """
    root = _folder(data)
    out = _absolute(out)
    image_root = None if images is None else _folder(images)
    if annotations is not None and not Path(annotations).is_dir():
        json_files = [_file(annotations)]
        return read_coco(root, image_root, json_files, out, test_share, seed)
    ann_root = None if annotations is None else _folder(annotations)
    if ann_root is not None or visible_files(root, ['.xml']):
        pair = None if lists is None else (_file(lists[0]), _file(lists[1]))
        return read_voc(root, image_root, ann_root, pair, out, test_share, seed)
    json_files = [path for path in visible_files(root, ['.json']) if is_coco(path)]
    if json_files:
        return read_coco(root, image_root, json_files, out, test_share, seed)
    return read_folders(root, out, test_share, seed)


def _folder(path: str | Path) -> Path:
    if not Path(path).is_dir():
        raise DataError(f'There is no folder {path}.')
    return _absolute(path)


def _file(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise DataError(f'There is no file {path}.')
    return _absolute(path)


def _absolute(path: str | Path) -> Path:
    # Without '..', with links as they are.
    return Path(os.path.abspath(path))
