"""Data as people have it becomes data that a config takes; no image is copied."""

from .dataset import Found, Problem, Split, read_dataset
from .own_config import MODELS, about, own_config

__all__ = ['MODELS', 'Found', 'Problem', 'Split', 'about', 'own_config', 'read_dataset']
