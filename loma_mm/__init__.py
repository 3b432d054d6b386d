"""LOMA for OpenMMLab: importing this package registers all its modules."""
from .datasets import LocalMagnification
from .version import __version__

__all__ = ['LocalMagnification', '__version__']
