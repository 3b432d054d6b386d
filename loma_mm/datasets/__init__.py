from importlib import import_module
from typing import Any

from .transforms import LocalMagnification

__all__ = [
    'AnyImageVOCDataset',
    'AnyImageXMLDataset',
    'ClassFolders',
    'ImageNetFolders',
    'LocalMagnification',
]
# Imported on use: each needs a toolbox, and the other does without.
_ON_USE = {
    'AnyImageVOCDataset': 'any_image_xml_dataset',
    'AnyImageXMLDataset': 'any_image_xml_dataset',
    'ClassFolders': 'class_folders',
    'ImageNetFolders': 'class_folders',
}


def __getattr__(name: str) -> Any:
    if name in _ON_USE:
        return getattr(import_module(f'.{_ON_USE[name]}', __name__), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
