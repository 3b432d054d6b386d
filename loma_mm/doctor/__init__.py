"""What is installed, whether it fits together, and what to do where it does not.

Nothing in here imports a toolbox into this process: they may be what is broken.
"""

from .checks import Finding, check_all

__all__ = ['Finding', 'check_all']
