"""What the augmentations add to a training iteration.

    python benchmarks/training.py

The demo detector and ResNet-20, with and without each augmentation at the
paper's probabilities: an iteration of each in turn, many times over, in one
process, one thread, images loaded in that thread. CPU time is measured, which
is the wall's on an idle machine and does not count others' on a busy one.
"""

import logging
import math
import statistics
import tempfile
import time
from collections.abc import Iterator

import torch
from common import one_thread, publish
from mmengine.config import Config
from mmengine.runner import Runner
from rich.progress import track

from loma_mm.experiments.tables import markdown_table
from loma_mm.running import check_before_start, load_config

DETECTOR = 'configs/faster_rcnn/faster-rcnn_r18_fpn_loma-rhombus-scratch-4e_digits.py'
CLASSIFIER = 'configs/resnet_cifar/resnet20_1xb128{}_image-folder.py'
ROUNDS = 60


def without_loma(cfg: Config) -> Config:
    dataset = cfg.train_dataloader.dataset
    while 'pipeline' not in dataset:
        dataset = dataset.dataset
    dataset.pipeline = [
        step
        for step in dataset.pipeline
        if not step['type'].endswith('LocalMagnification')
    ]
    return cfg


def variants() -> dict[str, dict[str, Config]]:
    digits = dict(data_root='data/digits')

    def classifier(method: str) -> Config:
        return load_config(CLASSIFIER.format(method), digits)

    return {
        'Faster R-CNN R-18 on the demo, batch 8': {
            'baseline': without_loma(load_config(DETECTOR)),
            'LOMA, p = 0.25': load_config(DETECTOR),
        },
        'ResNet-20 on digits, batch 128': {
            'baseline': classifier(''),
            'LOMA, p = 0.5': classifier('-loma'),
            'LOMA_F + FO, p_f = 0.5': without_loma(classifier('-loma-if-fo')),
            'LOMA_IF&FO': classifier('-loma-if-fo'),
        },
    }


def iterations(cfg: Config, work_dir: str) -> Iterator[tuple[float, float]]:
    """Train, and yield seconds for data and for all of each iteration."""
    cfg.work_dir, cfg.log_level = work_dir, 'ERROR'
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    cfg.randomness = dict(seed=0)
    check_before_start(cfg, ('train',))
    cfg.experiment_name = f'bench_{id(cfg)}'
    runner = Runner.from_cfg(cfg)
    loader = runner.build_dataloader(cfg.train_dataloader)
    model = runner.model.train()
    model.init_weights()
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    while True:
        batches = iter(loader)
        while True:
            start = time.process_time()
            batch = next(batches, None)
            if batch is None:
                break
            loaded = time.process_time()
            model.train_step(batch, optim_wrapper)
            yield loaded - start, time.process_time() - start


def compare(configs: dict[str, Config]) -> list[list[str]]:
    taken = {name: [] for name in configs}
    with tempfile.TemporaryDirectory() as work_dir:
        running = {name: iterations(cfg, work_dir) for name, cfg in configs.items()}
        for i in track(range(ROUNDS + 3), 'training', transient=True):
            for name, steps in running.items():
                times = next(steps)
                # The first ones warm up.
                if i >= 3:
                    taken[name].append(times)
    rows = []
    for name, times in taken.items():
        data, whole = map(statistics.mean, zip(*times))
        row = [name, f'{data * 1e3:.1f}', f'{whole * 1e3:.1f}', '']
        if name != 'baseline':
            base = [time[1] for time in taken['baseline']]
            extra = [time[1] - b for time, b in zip(times, base)]
            error = statistics.stdev(extra) / math.sqrt(len(extra))
            percent = 100 / statistics.mean(base)
            row[-1] = f'{statistics.mean(extra) * percent:+.2f} ± {error * percent:.2f}'
        rows.append(row)
    return rows


def main() -> None:
    one_thread()
    torch.manual_seed(0)
    logging.disable(logging.WARNING)
    head = ['', 'data, ms', 'iteration, ms', 'added, %']
    parts = [
        f'**End to end**: mean of {ROUNDS} interleaved iterations, one '
        'thread; what is added, with its standard error.'
    ]
    for title, configs in variants().items():
        parts.append(f'{title}:\n\n' + markdown_table(head, compare(configs)))
    publish('training', '\n\n'.join(parts))


if __name__ == '__main__':
    main()
