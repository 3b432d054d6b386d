"""Distributed training where there is no accelerator."""

import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device

from loma_mm.errors import SetupError


def prepare_cpu_distribution(cfg: Config) -> None:
    """Let ``--launcher pytorch`` work on processes without a GPU.

    mmengine's launcher and its default model wrapper both select a CUDA
    device. Without one, this starts the gloo process group that torchrun's
    environment variables describe (mmengine keeps a group it finds) and asks
    for the wrapper without devices. With an accelerator it does nothing.

    Args:
        cfg (Config): The config to run, changed in place.

    Raises:
        SetupError: If another launcher is asked for without a GPU.
    """
    if cfg.launcher == 'none' or get_device() != 'cpu':
        return
    if cfg.launcher != 'pytorch':
        raise SetupError(
            f'--launcher {cfg.launcher} needs a GPU on every process and none '
            'is visible: use --launcher pytorch for '
            'CPU training.'
        )
    if not torch.distributed.is_initialized():
        torch.distributed.init_process_group(backend='gloo')
    if cfg.get('model_wrapper_cfg') is None:
        cfg.model_wrapper_cfg = dict(
            type='MMDistributedDataParallel',
            device_ids=None,
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        )
