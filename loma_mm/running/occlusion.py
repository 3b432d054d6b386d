"""Test a classifier under occlusion, Sec 4.4 and Fig 7 of the paper."""

import copy
import os.path as osp
import tempfile
from collections.abc import Sequence

from mmengine.config import Config

from loma_mm.evaluation.occlusion import OCCLUSIONS, occlusion_name

from .config import load_config
from .runner import build_runner

# What Fig 7 shows, as mmpretrain names it.
OCCLUSION_METRIC = 'accuracy/top1'


def occlusion_accuracy(
    cfg: str | Config,
    checkpoint: str,
    sizes: Sequence[int],
    kinds: Sequence[str] = OCCLUSIONS,
) -> list[tuple[str, int, float]]:
    """Test a classifier under center and boundary occlusion.

    The test set is read once; every batch passes through the network once an
    occlusion. See :class:`OcclusionTestLoop` for what is zero and
    :func:`occlude` for where. Shows a progress bar; leaves nothing on disk.

    Args:
        cfg (str | Config): A classifier's config file, or the config as
            :func:`load_config` returns it. It is not changed.
        checkpoint (str): Path or URL of its weights.
        sizes (Sequence[int]): Sides of the square, in pixels of the
            network's input.
        kinds (Sequence[str]): Of 'center' and 'boundary'. Defaults to both.

    Returns:
        list[tuple[str, int, float]]: Kind, size and top-1 accuracy in
        percent, kind by kind. (``'center', 0``) has the accuracy that
        the command ``test`` reports.

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
        # MMEngine names a run by the second in which it starts, and two runs of
        # one name share what they write to.
        cfg.experiment_name = osp.basename(work_dir)
        metrics = build_runner(cfg).test()
    return [
        (kind, size, metrics[f'{occlusion_name(kind, size)}/{OCCLUSION_METRIC}'])
        for kind in kinds
        for size in sizes
    ]
