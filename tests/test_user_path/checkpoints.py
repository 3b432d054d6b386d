"""Every command and option by which a checkpoint comes in."""

import functools
import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import torch
from mmengine.registry import MODELS, init_default_scope

from loma_mm.__main__ import main
from loma_mm.running import load_config
from loma_mm.running.options import parse_options
from tests.alone import alone

from .faults import CONFIGS, make
from .shrink import shrink

SMALL = [
    'model.backbone.depth=8',
    'train_cfg.max_epochs=2',
    'train_dataloader.num_workers=0',
    'val_dataloader.num_workers=0',
    'test_dataloader.num_workers=0',
]
# What a config of one's own may put into checkpoints beside the weights.
MINE = """
_base_ = 'loma_mm::resnet_cifar/{name}.py'
custom_hooks = [dict(type='EMAHook')]
optim_wrapper = dict(optimizer=dict(_delete_=True, type='AdamW', lr=1e-3))
source = dict(source=dict(camera=dict(name='a', lenses=[1, 2])))
train_dataloader = dict(dataset=dict(metainfo=source))
default_hooks = dict(checkpoint=dict(interval=1, save_best='auto'))
"""
# C is a classifier's config, D a detector's, X the checkpoint, U its address and OUT
# what is to be written; options come after the words.
PICTURE = ['--out', '{OUT}/a.png']
TRAIN = ['train', '{C}', '--work-dir', '{OUT}']
WAYS = {
    'test': ['test', '{C}', '{X}', '--work-dir', '{OUT}'],
    'resume': [*TRAIN, '--resume', '{X}'],
    'latest': [*TRAIN, '--resume'],
    'latest, resume=True': [*TRAIN, 'resume=True'],
    'load_from': [*TRAIN, 'load_from={X}'],
    'resume=True': [*TRAIN, 'load_from={X}', 'resume=True'],
    'Pretrained': [
        *TRAIN, 'model.init_cfg.type=Pretrained', 'model.init_cfg.checkpoint={X}',
    ],
    'address': [*TRAIN, 'load_from={U}'],
    'occlusion': ['occlusion', *PICTURE, '--sizes', '0', '--model', 'a', '{C}', '{X}'],
    'draw-cam': ['draw-cam', *PICTURE, '--model', 'a', '{C}', '{X}'],
    'draw-feature-maps': [
        'draw-feature-maps', *PICTURE, '--config', '{C}', '--checkpoint', '{X}',
    ],
    'detect': ['detect', '{D}', '{X}', *PICTURE, '--number', '1'],
    'sweep': ['sweep', '{C}', '--p', '0.5', '--work-dir', '{OUT}', 'load_from={X}'],
}  # fmt: skip
# Those that look for one in the work dir.
LATEST = ('latest', 'latest, resume=True')


class Place(NamedTuple):
    """Data and configs, and what is in a checkpoint of each.

    Args:
        folder (Path): Where they are.
        options (dict[str, list[str]]): For ``--cfg-options``, by 'C' and 'D'.
        contents (dict[str, dict]): Of C after one epoch of two; of D the weights.
        address (str): Of the folder.
    """

    folder: Path
    options: dict[str, list[str]]
    contents: dict[str, dict]
    address: str

    def words(self, way: str, checkpoint: Path, out: Path, *more: str) -> list[str]:
        """What to type."""
        names = dict(
            C=self.folder / 'mine.py',
            D=CONFIGS['voc'],
            X=checkpoint,
            U=f'{self.address}/{checkpoint.name}',
            OUT=out,
        )
        words = [word.format(**names) for word in [*WAYS[way], *more]]
        options = [
            *self.options[network(way)],
            *(word for word in words if '=' in word),
        ]
        return [*(word for word in words if '=' not in word), '--cfg-options', *options]


def network(way: str) -> str:
    """Which config it has."""
    return 'D' if '{D}' in WAYS[way] else 'C'


@contextmanager
def prepare(folder: Path) -> Iterator[Place]:
    """Write data and config, and train."""
    (folder / 'mine.py').write_text(MINE.format(name=CONFIGS['folders']))
    options = {
        'C': [*make('folders', folder / 'folders'), *SMALL],
        'D': [*make('voc', folder / 'voc'), *shrink(CONFIGS['voc'])],
    }
    with alone():
        words = ['train', f'{folder}/mine.py', '--work-dir', f'{folder}/work']
        once = [*options['C'], 'train_cfg.max_epochs=1']
        assert main([*words, '--cfg-options', *once]) == 0
    with alone():
        cfg = load_config(CONFIGS['voc'], parse_options(options['D']))
        init_default_scope('mmdet')
        detector = MODELS.build(cfg.model).state_dict()
    trained = torch.load(folder / 'work/epoch_1.pth', weights_only=False)
    with serve(folder) as address:
        yield Place(
            folder, options, {'C': trained, 'D': dict(state_dict=detector)}, address
        )


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """The address of a folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def processes(call: Callable) -> SimpleNamespace:
    """The module subprocess, where runs of a sweep are commands of this process."""

    def run(words: list[str], **streams: object) -> subprocess.CompletedProcess:
        done = call(*words[words.index('loma_mm') + 1 :])
        return subprocess.CompletedProcess(words, done.code)

    return SimpleNamespace(**{**vars(subprocess), 'run': run})


def sentence(done):
    """The last line on the standard error, with the others but notes."""
    lines = [line for line in done.err.splitlines() if not line.startswith('Note: ')]
    assert 'Traceback' not in done.said
    return lines[-1]
