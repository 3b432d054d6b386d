"""Run LOMA long enough for a leak to show; the memory must stay flat. Linux.

    python tests/soak.py [--samples N] [--iterations N]

10,000 samples of a loader with two workers, 5,000 training iterations of both
feature augments, and 8 threads that share one transform and must give what one
thread gives.
"""

import argparse
import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, get_worker_info

from loma_mm import (
    FeatureLocalMagnification,
    FeatureMapOffset,
    LocalMagnification,
    RandomFeatureAugment,
)
from loma_mm.functional import magnify_image

# What an allocator may keep beside what is in use.
ALLOWED = 8 << 20
THREADS = 8


def resident() -> int:
    """Bytes of this process that are in memory."""
    with open('/proc/self/statm', encoding='ascii') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


class Samples(Dataset):
    """Random images through the transform, and the memory of their worker."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.transform = LocalMagnification(prob=1, shape='ellipse')

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int, int]:
        img = np.full((200, 300, 3), index % 256, np.uint8)
        out = self.transform(dict(img=img))['img']
        return torch.from_numpy(out), get_worker_info().id, resident()


def growth(memory: list[int]) -> int:
    """From the end of the first fifth to the last fifth, by their greatest."""
    fifth = len(memory) // 5
    return max(memory[-fifth:]) - max(memory[: max(fifth, 1)])


def soak_loader(count: int) -> dict[str, int]:
    """The growth of this process and of each worker."""
    memory: dict[str, list[int]] = {'loader': []}
    for _, workers, resident_there in DataLoader(Samples(count), 10, num_workers=2):
        memory['loader'].append(resident())
        for worker, there in zip(workers.tolist(), resident_there.tolist()):
            memory.setdefault(f'worker {worker}', []).append(there)
    return {name: growth(values) for name, values in memory.items()}


def soak_features(count: int) -> dict[str, int]:
    """The growth over training iterations."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3),
        RandomFeatureAugment([FeatureLocalMagnification(), FeatureMapOffset()], prob=1),
        nn.Conv2d(8, 2, 3),
    )
    memory = []
    for _ in range(count):
        net(torch.randn(4, 3, 24, 30)).square().mean().backward()
        net.zero_grad()
        memory.append(resident())
    return {'features': growth(memory)}


def soak_threads(count: int) -> int:
    """How many of the images of many threads are wrong."""
    transform = LocalMagnification(prob=1)
    img = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)

    def is_right(_: int) -> bool:
        done = transform(dict(img=img))
        return np.array_equal(done['img'], magnify_image(img, done['loma_region']))

    with ThreadPoolExecutor(THREADS) as pool:
        return count - sum(pool.map(is_right, range(count)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--samples', type=int, default=10_000)
    parser.add_argument('--iterations', type=int, default=5_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    grown = dict(
        itertools.chain(
            soak_loader(args.samples).items(), soak_features(args.iterations).items()
        )
    )
    wrong = soak_threads(args.samples)
    for name, size in grown.items():
        print(f'{name}: {size / 2**20:+.1f} MiB')
    print(
        f'{args.samples:,} samples, {args.iterations:,} iterations; '
        f'{THREADS} threads: {wrong} of {args.samples:,} images wrong'
    )
    return int(wrong > 0 or max(grown.values()) > ALLOWED)


if __name__ == '__main__':
    sys.exit(main())
