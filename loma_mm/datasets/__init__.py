from .transforms import LocalMagnification

__all__ = ['LocalMagnification']
