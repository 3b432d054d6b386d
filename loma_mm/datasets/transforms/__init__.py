from .local_magnification import LocalMagnification

__all__ = ['LocalMagnification']
