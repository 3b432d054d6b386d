"""Robustness to occlusion, Sec 4.4 and Fig 7 of the paper."""

import copy
import tempfile
from collections.abc import Sequence

import torch
from mmengine.config import Config
from torch import Tensor

from ..engine import build_runner, load_config

KINDS = ('center', 'boundary')
# What Fig 7 shows, as mmpretrain names it: in percent, not its complement.
METRIC = 'accuracy/top1'


def occlude(images: Tensor, kind: str, size: int) -> Tensor:
    """Fill zeros in or outside a square at the centre of images.

    The protocol of CutMix, which Sec 4.4 of the paper follows. The first row
    and column of the square are ``(H - size) // 2`` and ``(W - size) // 2``;
    where an image is smaller than the square, all of it is inside.

    Args:
        images (Tensor): Any tensor of shape (..., H, W).
        kind (str): 'center' zeroes the square, 'boundary' all that is
            outside of it.
        size (int): Side of the square in pixels. Center occlusion of size 0
            leaves images as they are, boundary occlusion nothing of them.

    Returns:
        Tensor: A new tensor of the same shape and dtype.

    Raises:
        ValueError: If there is no such kind of occlusion or no such size.
    """
    check_occlusion(kind, size)
    square = torch.zeros(images.shape[-2:], dtype=torch.bool, device=images.device)
    rows, columns = (
        slice(max(0, (side - size) // 2), max(0, (side - size) // 2) + size)
        for side in square.shape
    )
    square[rows, columns] = True
    return images.masked_fill(square if kind == 'center' else ~square, 0)


def check_occlusion(kind: str, size: int) -> None:
    """Raise a ValueError if :func:`occlude` does not know this."""
    if kind not in KINDS:
        raise ValueError(
            f'The kind of an occlusion must be one of {KINDS}, got {kind!r}.'
        )
    if not isinstance(size, int) or size < 0:
        raise ValueError(
            'The size of an occlusion must be a whole number of '
            f'pixels from 0 on, got {size!r}.'
        )


def occlusion_accuracy(
    cfg: str | Config,
    checkpoint: str,
    sizes: Sequence[int],
    kinds: Sequence[str] = KINDS,
) -> list[tuple[str, int, float]]:
    """Test a classifier under center and boundary occlusion.

    The test set is read once; every batch passes through the network once an
    occlusion. See :class:`OcclusionTestLoop` for what is zero and
    :func:`occlude` for where. Shows a progress bar; leaves nothing on disk.

    Args:
        cfg (str | Config): A classifier's config file, or the config as
            :func:`loma_mm.engine.load_config` returns it. It is not changed.
        checkpoint (str): Path or URL of its weights.
        sizes (Sequence[int]): Sides of the square, in pixels of the
            network's input.
        kinds (Sequence[str]): Of 'center' and 'boundary'. Defaults to both.

    Returns:
        list[tuple[str, int, float]]: Kind, size and top-1 accuracy in
        percent, kind by kind. (``'center', 0``) has the accuracy that
        ``tools/test.py`` reports.

    Raises:
        ValueError: If there is no such kind of occlusion or no such size, or
            none is asked for.
    """
    cfg = load_config(cfg) if isinstance(cfg, str) else copy.deepcopy(cfg)
    cfg.load_from = checkpoint
    cfg.resume = False
    cfg.test_evaluator = dict(type='Accuracy', topk=(1,))
    cfg.test_cfg = dict(
        type='OcclusionTestLoop',
        sizes=list(sizes),
        kinds=list(kinds),
        progress_bar=True,
        fp16=(cfg.get('test_cfg') or {}).get('fp16', False),
    )
    # The progress bar says enough; and no tracking service hears of it.
    cfg.log_level = 'WARNING'
    cfg.visualizer = None
    with tempfile.TemporaryDirectory() as work_dir:
        cfg.work_dir = work_dir
        metrics = build_runner(cfg).test()
    return [
        (kind, size, metrics[f'{occlusion_name(kind, size)}/{METRIC}'])
        for kind in kinds
        for size in sizes
    ]


def occlusion_name(kind: str, size: int) -> str:
    """What the metrics of an occlusion are prefixed with."""
    return f'{kind}_{size}'
