"""What LocalMagnification adds to a train pipeline, decoding included.

    python benchmarks/loader.py

The shipped CIFAR, ImageNet and VOC train pipelines, with and without LOMA, one
process, one thread: a block of samples through each in turn, many times over,
from one seed, so that all crop the same. CPU time is measured, which does not count
others' on a busy machine. CIFAR's images are arrays in memory, the others JPEG
files of the usual sizes.
"""

import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import cv2
import mmdet.datasets  # noqa: F401
import mmpretrain.datasets  # noqa: F401
import numpy as np
from common import one_thread, publish
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from rich.progress import track

from loma_mm.experiments.tables import markdown_table

CONFIGS = {
    'CIFAR-10': 'configs/wide_resnet/wrn28-10_1xb128-loma-rhombus_cifar10.py',
    'ImageNet': 'configs/resnet/resnet50_8xb32-loma-rhombus_in1k.py',
    'VOC': 'configs/faster_rcnn/faster-rcnn_r50_fpn_loma-rhombus-1x_voc07.py',
}
# How many samples of each, how many make a block, and how many blocks.
SAMPLES = {'CIFAR-10': (2000, 100, 200), 'ImageNet': (100, 1, 600), 'VOC': (60, 1, 600)}


def photo(draws: np.random.RandomState, height: int, width: int) -> np.ndarray:
    """Noise with the spectrum of a photograph, so that JPEG has usual work."""
    img = np.zeros((height, width, 3))
    for scale in (2, 4, 8, 16, 32, 64):
        noise = draws.randn(-(-height // scale), -(-width // scale), 3)
        img += scale * cv2.resize(noise, (width, height))
    return np.uint8(np.clip(128 + img, 0, 255))


def samples(name: str, count: int, folder: str) -> list[dict]:
    """What a dataset gives to its pipeline."""
    draws = np.random.RandomState(0)
    if name == 'CIFAR-10':
        imgs = draws.randint(0, 256, (count, 32, 32, 3)).astype(np.uint8)
        return [
            dict(img=img, gt_label=i % 10, sample_idx=i) for i, img in enumerate(imgs)
        ]
    made = []
    for i in range(count):
        path = str(Path(folder) / f'{name}{i}.jpg')
        cv2.imwrite(path, photo(draws, 375, 500))
        made.append(
            dict(img_path=path, img_id=str(i), sample_idx=i, height=375, width=500)
        )
        if name == 'ImageNet':
            made[-1]['gt_label'] = i
        else:
            corner = draws.uniform(0, 150, (3, 2))
            made[-1]['instances'] = [
                dict(bbox=[x, y, x + 150, y + 150], bbox_label=1, ignore_flag=0)
                for x, y in corner
            ]
    return made


def pipelines(name: str) -> dict[str, Compose]:
    """The shipped pipeline without LOMA, and with it at several p."""
    cfg = Config.fromfile(CONFIGS[name])
    init_default_scope(cfg.default_scope)
    dataset = cfg.train_dataloader.dataset
    while 'pipeline' not in dataset:
        dataset = dataset.get('dataset') or dataset.datasets[0]
    steps = [step.to_dict() for step in dataset.pipeline]
    (at,) = (i for i, s in enumerate(steps) if s['type'].endswith('Magnification'))
    made = {'without LOMA': Compose(steps[:at] + steps[at + 1 :])}
    for prob in sorted({0, steps[at]['prob'], 1}):
        changed = deepcopy(steps)
        changed[at]['prob'] = prob
        made[f'p = {prob:g}'] = Compose(changed)
    return made


def measure(
    calls: dict[str, Callable], data: list[dict], block: int, rounds: int
) -> dict[str, list[float]]:
    """Seconds a sample: one entry for each round and call."""
    taken = {name: [] for name in calls}
    for i in track(range(rounds + 5), 'loading', transient=True):
        at = i * block % len(data)
        # The first to read an image finds it in no cache: each is so in turn.
        names = [*calls][i % len(calls) :] + [*calls][: i % len(calls)]
        for name in names:
            call = calls[name]
            random.seed(i)
            np.random.seed(i)
            start = time.process_time()
            for sample in data[at : at + block]:
                call(deepcopy(sample) if 'instances' in sample else dict(sample))
            if i >= 5:
                taken[name].append((time.process_time() - start) / block)
    return taken


def main() -> None:
    one_thread()
    parts = [
        '**Loader**: mean of interleaved blocks of samples; what LOMA adds, with '
        'its standard error.'
    ]
    with tempfile.TemporaryDirectory() as folder:
        for name in CONFIGS:
            count, block, rounds = SAMPLES[name]
            data = samples(name, count, folder)
            taken = measure(pipelines(name), data, block, rounds)
            base = taken['without LOMA']
            rows = []
            for variant, times in taken.items():
                mean, more = statistics.mean(times), ''
                if times is not base:
                    extra = [1e6 * (t - b) for t, b in zip(times, base)]
                    error = statistics.stdev(extra) / math.sqrt(len(extra))
                    more = f'{statistics.mean(extra):+.1f} ± {error:.1f}'
                rows.append([variant, f'{1 / mean:.0f}', f'{mean * 1e6:.1f}', more])
            head = [name, 'samples a second', 'µs a sample', 'added, µs']
            parts.append(markdown_table(head, rows))
    publish('loader', '\n\n'.join(parts))


if __name__ == '__main__':
    main()
