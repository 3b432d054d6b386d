"""What the operators share: their list, their dtype, the error for the rest."""

import functools
from collections.abc import Callable

import torch
import torchvision
from torch import Tensor

OPERATORS: dict[str, Callable] = {}
"""Functions of ``mmcv._ext`` by name, with mmcv's own parameters."""


class MissingOperatorError(NotImplementedError):
    """An operator of mmcv that neither torchvision nor PyTorch replaces."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"mmcv's operator {name} is not among those that loma_mm.mmcv_ops takes "
            'from torchvision and PyTorch: install an mmcv with compiled operators '
            '(make env OPS=compiled, or a wheel made for your PyTorch).'
        )


def operator(function: Callable) -> Callable:
    """Put a function into :data:`OPERATORS` under its own name.

    As the compiled ones, it records no gradient (mmcv's autograd functions call
    its ``_backward``), and autocast changes nothing in it.
    """

    @functools.wraps(function)
    def run(*args, **kwargs):
        first = args[0] if args else next(iter(kwargs.values()))
        with torch.no_grad(), torch.autocast(first.device.type, enabled=False):
            return function(*args, **kwargs)

    OPERATORS[function.__name__] = run
    return run


def widen(*tensors: Tensor) -> tuple[Tensor, ...]:
    """float16 and bfloat16 in float32, in which we compute; others as they are."""
    return tuple(
        t.float() if t.dtype in (torch.float16, torch.bfloat16) else t for t in tensors
    )


OPERATORS.update(
    # What mmcv's collect_env prints for the compilers.
    get_compiler_version=lambda: f'none, torchvision {torchvision.__version__} instead',
    get_compiling_cuda_version=lambda: torch.version.cuda or 'not available',
)
