"""What a stage gives: maps, tokens that come with their size, or neither."""

import contextlib
import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from loma_mm.errors import ConfigError

# Side of the image for a backbone that names none.
SIDE = 224


class _ReachedError(Exception):
    """The stage gave its output, and the rest of the backbone need not run."""


def require_maps(backbone: nn.Module, after: str, end: str) -> None:
    """Raise a ConfigError if a stage is known to give neither maps nor tokens.

    A stage with layers of tokens or vectors is tried: a twin of the backbone
    without numbers (PyTorch's meta device) gets a square image. Where that fails,
    nothing is known.

    Args:
        backbone (nn.Module): The backbone; it is not changed.
        after (str): The stage, as the user names it.
        end (str): The submodule that computes the output of the stage.
    """
    stage = backbone.get_submodule(after)
    if not any(isinstance(m, (nn.Linear, nn.LayerNorm)) for m in stage.modules()):
        return
    try:
        # Some draw seeds, as RevVisionTransformer.
        with warnings.catch_warnings(), torch.no_grad(), torch.random.fork_rng([]):
            warnings.simplefilter('ignore')
            output = _try(backbone, end)
    except Exception:  # of any backbone
        return
    levels = output if isinstance(output, (tuple, list)) else (output,)
    if token_sizes(output) or all(map(_is_map, levels)):
        return
    gives = ', '.join(
        str(tuple(x.shape)) if isinstance(x, Tensor) else type(x).__name__
        for x in levels
    )
    featmap = 'featmap' in getattr(backbone, 'OUT_TYPES', ())
    how = " (out_type='featmap')" if featmap else ''
    raise ConfigError(
        f'after must name a stage of {type(backbone).__name__} that gives maps '
        '(B, C, H, W), or tokens (B, H * W, C) with their (H, W), and '
        f'{after!r} gives {gives} for an image: name another one, or put a '
        f'FeatureAugmentNeck behind the backbone, where that gives maps{how}.'
    )


def _try(backbone: nn.Module, end: str) -> Any:
    """The output of a submodule, as tensors without numbers."""
    numbers = {
        id(x): torch.empty_like(x, device='meta') for x in backbone.buffers()
    } | {
        id(x): nn.Parameter(torch.empty_like(x, device='meta'), x.requires_grad)
        for x in backbone.parameters()
    }
    twin = copy.deepcopy(backbone, numbers)
    twin.eval()
    outputs: list[Any] = []

    def stop(stage: nn.Module, args: tuple, output: Any) -> None:
        outputs.append(output)
        raise _ReachedError

    twin.get_submodule(end).register_forward_hook(stop)
    first = (m.in_channels for m in twin.modules() if isinstance(m, nn.Conv2d))
    size = getattr(backbone, 'img_size', SIDE)
    side = size[0] if isinstance(size, (tuple, list)) else size
    with contextlib.suppress(_ReachedError):
        twin(torch.empty(1, next(first, 3), side, side, device='meta'))
    return outputs[0]


def _is_map(x: Any) -> bool:
    """Whether it is one of a square image, (B, C, H, W); ViTSAM's are (B, H, W, C)."""
    return isinstance(x, Tensor) and x.ndim == 4 and x.size(2) == x.size(3)


def token_sizes(output: Any) -> list[tuple[int, int]]:
    """The (H, W) of tokens (B, H * W, C) that come with it, as Swin's do.

    Empty if ``output`` is not a tuple ``(tokens, (H, W), ...)``.
    """
    if not isinstance(output, (tuple, list)) or len(output) % 2:
        return []
    sizes = []
    for tokens, size in zip(output[::2], output[1::2]):
        if (
            not isinstance(tokens, Tensor)
            or tokens.ndim != 3
            or not isinstance(size, (tuple, list))
            or len(size) != 2
            or tokens.size(1) != size[0] * size[1]
        ):
            return []
        sizes.append(tuple(size))
    return sizes
