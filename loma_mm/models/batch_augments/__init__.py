from .batch_local_magnification import BatchLocalMagnification

__all__ = ['BatchLocalMagnification']
