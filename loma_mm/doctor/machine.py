"""The machine: GPUs, disk, shared memory."""

import os
import shutil
import subprocess

from .finding import FINE, NOTE, WRONG, Finding

GB = 10**9
# What Docker gives a container, and what loaders with several workers want.
SHM_WANTED = 1 * GB
DISK_WANTED, DISK_NEEDED = 5 * GB, GB // 2


def check_driver(sees_gpu: bool) -> Finding:
    """Ask the driver, and say if PyTorch sees no GPU where it does."""
    query = ['--query-gpu=name,driver_version', '--format=csv,noheader']
    try:
        said = subprocess.run(
            ['nvidia-smi', *query],
            capture_output=True,
            text=True,
            errors='replace',
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return Finding(NOTE, 'There is no NVIDIA driver here (no nvidia-smi).')
    if said.returncode:
        return Finding(
            WRONG,
            f'nvidia-smi is here and fails: {(said.stdout or said.stderr).strip()}',
            'install the driver for the kernel that runs, or restart the machine',
        )
    lines = said.stdout.strip().splitlines()
    text = f'The driver has {"; ".join(lines)}'
    if lines and not sees_gpu:
        return Finding(
            WRONG,
            f'{text}, of which PyTorch sees nothing.',
            'install a PyTorch that is built for CUDA, no newer than the driver; see '
            'that CUDA_VISIBLE_DEVICES does not hide it',
        )
    return Finding(FINE, text)


def check_room(folder: str = '.', shm: str = '/dev/shm') -> list[Finding]:
    """Free space for checkpoints, and for what loaders pass between processes."""
    free = shutil.disk_usage(folder).free
    text = f'{free / GB:.1f} GB are free in {os.path.abspath(folder)}'
    if free >= DISK_WANTED:
        findings = [Finding(FINE, text)]
    else:
        findings = [
            Finding(
                NOTE if free >= DISK_NEEDED else WRONG,
                f'{text}; a checkpoint of a detector takes up to 0.4 GB.',
                'make room, or give a --work-dir elsewhere',
            )
        ]
    if os.path.isdir(shm):
        free = shutil.disk_usage(shm).free
        text = f'{free / GB:.1f} GB of shared memory are free in {shm}'
        findings.append(
            Finding(FINE, text)
            if free >= SHM_WANTED
            else Finding(
                NOTE,
                f'{text}: loaders with workers may die of a bus error.',
                'run the container with --shm-size=8g, or give --cfg-options '
                'train_dataloader.num_workers=0 '
                'train_dataloader.persistent_workers=False',
            )
        )
    return findings
