"""Distributed training where there is no accelerator."""

import os

import torch.distributed
from mmengine.config import Config
from mmengine.device import get_device

from loma_mm.errors import SetupError

# Where launchers other than torchrun say which process this is.
RANKS = {'slurm': 'SLURM_PROCID', 'mpi': 'OMPI_COMM_WORLD_RANK'}


def read_launcher(launcher: str) -> None:
    """Say as torchrun does what other launchers say, before MMEngine does.

    On slurm each job, and each step of one, also gets a port of its own, unless
    MASTER_PORT is set: MMEngine would take 29500 for all that share a machine.

    Args:
        launcher (str): That of the command line.
    """
    if launcher in RANKS:
        os.environ.setdefault('RANK', os.environ.get(RANKS[launcher], '0'))
    if launcher == 'slurm':
        job, step = (
            int(os.environ.get(f'SLURM_{name}_ID', 0)) for name in ('JOB', 'STEP')
        )
        # Below the ports that systems give away by themselves.
        port = 10000 + (101 * job + step) % 20000
        os.environ.setdefault('MASTER_PORT', str(port))


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
