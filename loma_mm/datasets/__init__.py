from typing import Any

from .transforms import LocalMagnification

__all__ = ['AnyImageXMLDataset', 'LocalMagnification']


def __getattr__(name: str) -> Any:
    if name == 'AnyImageXMLDataset':
        # Imported on use: it needs mmdet, which a classifier does without.
        from .any_image_xml_dataset import AnyImageXMLDataset

        return AnyImageXMLDataset
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
