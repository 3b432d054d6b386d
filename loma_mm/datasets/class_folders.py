"""Images in a folder for each class, numbered alike in all splits."""

import os
import os.path as osp
from collections.abc import Sequence
from typing import Any

from mmengine.fileio import get_file_backend
from mmpretrain.datasets import CustomDataset, ImageNet

from loma_mm.errors import DataError
from loma_mm.names import count, nearest, some

from .image_files import SUFFIXES, is_visible, walk_visible
from .lists import read_lines, split_line


class _NamedFolders(CustomDataset):
    """What both datasets below add to mmpretrain's."""

    def __init__(
        self,
        *args: Any,
        class_folders: str | Sequence[str] = (),
        extensions: Sequence[str] = SUFFIXES,
        **kwargs: Any,
    ) -> None:
        if isinstance(class_folders, str):
            class_folders = [class_folders]
        self.class_folders: list[str] = list(class_folders)
        self._folders: list[str] | None = None
        super().__init__(*args, extensions=extensions, **kwargs)

    def is_valid_file(self, filename: str) -> bool:
        """Whether a file is an image, and neither it nor a folder is hidden."""
        return super().is_valid_file(filename) and all(
            map(is_visible, filename.replace(os.sep, '/').split('/'))
        )

    def load_data_list(self) -> list[dict]:
        """Read the list, as editors leave it, or the folders."""
        if not self.ann_file:
            return super().load_data_list()
        backend = get_file_backend(self.img_prefix, enable_singleton=True)
        found = []
        for number, line in read_lines(self.ann_file):
            name, label = self.split_line(line, f'{self.ann_file}:{number}')
            info = dict(img_path=backend.join_path(self.img_prefix, name))
            found.append(info if label is None else dict(info, gt_label=label))
        return found

    def split_line(self, line: str, where: str) -> tuple[str, int | None]:
        """Name and label of a line; None without ``with_label``."""
        return split_line(line, where) if self.with_label else (line, None)

    def folders(self) -> list[str]:
        """The folders of images of this split, neither hidden nor empty."""
        if self._folders is None:
            self._folders = class_folders(self.img_prefix, self.extensions)
        return self._folders

    def class_names(self) -> list[str]:
        """The folders of all classes, in the order of their labels.

        Raises:
            DataError: If this split has other folders than classes.
        """
        own = self.folders()
        roots = [osp.join(self.data_root or '', name) for name in self.class_folders]
        roots = [root for root in roots if osp.isdir(root)]
        found = {
            name for root in roots for name in class_folders(root, self.extensions)
        }
        names = sorted(found) or own
        source = f'those in {" and ".join(roots)}'
        given = self.CLASSES
        if given is not None:
            given = list(map(str, given))
            alike = {name.casefold() for name in given}
            if not alike.isdisjoint(name.casefold() for name in own):
                names, source = given, 'those of the config'
            elif len(given) != len(names):
                # Else they are what to call the folders, in their order.
                raise DataError(
                    f'{self.img_prefix} has {count(len(names), "folder")} of images, '
                    f'{some(names)}, and its config names '
                    f'{count(len(given), "class")}, {some(given)}: '
                    'name each class as its folder.'
                )
        check_folders(own, names, self.img_prefix, source)
        return names

    def _find_samples(self) -> list:
        if not self.with_label:
            return super()._find_samples()
        names = self.class_names()
        self.folder_to_idx = {name: i for i, name in enumerate(names)}
        if self.CLASSES is None:
            self._metainfo['classes'] = tuple(names)
        samples = [
            (f'{folder}/{file}', self.folder_to_idx[folder])
            for folder in self.folders()
            for file in sorted(
                walk_visible(osp.join(self.img_prefix, folder), self.extensions)
            )
        ]
        if not samples:
            raise DataError(
                f'There is no image in the folders in {self.img_prefix}: put those '
                'of each class into a folder of its name.'
            )
        return samples


class ClassFolders(_NamedFolders):
    """MMPretrain's CustomDataset, with labels that no split counts by itself.

    ``CustomDataset`` numbers the folders of each split as it finds them: where
    one has a folder more, images get other labels than in training. Here the
    names are those of ``metainfo['classes']`` or, without them, of the folders
    in ``class_folders``; a folder that is none of these is an error. (As
    there, classes that share no name with any folder are what to call the
    folders, in order.) With ``ann_file``, lines end as on any system, blank ones
    are none, and a byte order mark is read. Folders and files that are hidden, or
    macOS's, and folders without images are no classes.

    Args:
        class_folders (str | Sequence[str]): Folders, below ``data_root`` or
            absolute, in which each class of the training set has one. Defaults
            to none: those of this split.
        extensions (Sequence[str]): Of images. Defaults to all that mmcv reads.
        **kwargs: As for ``mmpretrain.datasets.CustomDataset``.

    Raises:
        DataError: If a folder is of no class, or there is no image.

    Example:
        >>> # in a config of MMPretrain
        >>> dataset = dict(
        ...     type='loma_mm.datasets.ClassFolders', data_root='photos',
        ...     data_prefix='test', class_folders='train', pipeline=[])
    """


class ImageNetFolders(_NamedFolders, ImageNet):
    """The same for MMPretrain's ImageNet, whose folders have no names of classes."""


def class_folders(root: str, extensions: Sequence[str] = SUFFIXES) -> list[str]:
    """Folders in a folder that hold images, sorted.

    Args:
        root (str): The folder.
        extensions (Sequence[str]): Of images, in lower case.

    Returns:
        list[str]: The names of those that are visible and in which, however
        deep, a visible image lies.
    """
    return sorted(
        entry.name
        for entry in os.scandir(root)
        if entry.is_dir()
        and is_visible(entry.name)
        and _holds_image(entry.path, extensions)
    )


def _holds_image(folder: str, extensions: Sequence[str]) -> bool:
    # Mostly the first file is one: of a class of ImageNet it is the first of 1,300.
    with os.scandir(folder) as entries:
        if any(
            is_visible(entry.name)
            and entry.name.lower().endswith(tuple(extensions))
            and not entry.is_dir()
            for entry in entries
        ):
            return True
    return next(walk_visible(folder, extensions), None) is not None


def check_folders(
    folders: Sequence[str], names: Sequence[str], place: str, source: str
) -> None:
    """Raise a DataError for folders that are of no class."""
    known = set(names)
    unknown = [folder for folder in folders if folder not in known]
    if unknown:
        near = [(folder, nearest(folder, names)) for folder in unknown]
        hints = [f'{folder} for {name}' for folder, name in near if name]
        raise DataError(
            f'{place} has {count(len(unknown), "folder")} of no class, '
            f'{some(unknown)}, and the classes are {source}, {some(names)}'
            + (f' ({", ".join(hints[:3])}?)' if hints else '')
            + ': name the folders of a class alike in all splits, or take away what '
            'is none.'
        )
