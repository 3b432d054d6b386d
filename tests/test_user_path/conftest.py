import gc
import importlib
import shutil

import pytest
import torchvision.datasets

from loma_mm.__main__ import main
from tests.alone import alone
from tests.helpers import ROOT

from .checkpoints import LATEST, network, prepare, processes
from .evil import save
from .standin import make_data, md5


@pytest.fixture(scope='session')
def world(tmp_path_factory):
    """A folder that looks like a clone with all the data, but small."""
    root = tmp_path_factory.mktemp('clone')
    for name in ('configs', 'tools', 'loma_mm', 'Makefile', 'requirements'):
        (root / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'docs', root / 'docs')
    make_data(root)
    for layout, folder in (('voc', 'digits-voc'), ('folder', 'digits')):
        sizes = ['--train', '16', '--test', '2'] if layout == 'voc' else []
        words = ['make-digits', layout, str(root / 'data' / folder), *sizes]
        with alone():
            assert main(words) == 0
    return root


@pytest.fixture(scope='session', autouse=True)
def imported():
    """Datasets collect garbage as they are read: not what will stay."""
    for name in ('mmcv.ops', 'mmdet.apis', 'mmpretrain.apis'):
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def user(world, monkeypatch):
    """A user in that folder: gives ``main``; nothing of a call stays."""
    from mmpretrain.datasets import CIFAR10, CIFAR100

    monkeypatch.chdir(world)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '')
    for dataset, root in (
        (CIFAR10, 'cifar10'),
        (CIFAR100, 'cifar100'),
        (torchvision.datasets.CIFAR10, 'cifar10'),
    ):
        folder = world / 'data' / root / dataset.base_folder
        for split in ('train_list', 'test_list'):
            files = [name for name, _ in getattr(dataset, split)]
            monkeypatch.setattr(
                dataset, split, [[name, md5(folder / name)] for name in files]
            )
        meta = dict(dataset.meta, md5=md5(folder / dataset.meta['filename']))
        monkeypatch.setattr(dataset, 'meta', meta)

    def call(*words):
        with alone():
            return main(list(map(str, words)))

    return call


@pytest.fixture
def call(call):
    """Type a command, of which nothing stays."""

    def call_alone(*words):
        with alone():
            return call(*words)

    return call_alone


@pytest.fixture(scope='session')
def place(tmp_path_factory):
    """What the ways in need by which checkpoints come."""
    with prepare(tmp_path_factory.mktemp('checkpoints')) as made:
        yield made


@pytest.fixture
def enter(call, place, tmp_path, monkeypatch):
    """Types a way in: gives what it did, whether code ran, and where it writes."""
    # Where downloads go.
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'home'))
    monkeypatch.setattr('loma_mm.experiments.runs.subprocess', processes(call))
    marker, out = tmp_path / 'marker', tmp_path / 'out'

    def type_way(way, *more, write=None):
        checkpoint = place.folder / 'evil.pth'
        if way in LATEST:
            out.mkdir()
            checkpoint = out / 'epoch_1.pth'
        contents = place.contents[network(way)]
        if write is None:
            save(checkpoint, contents, marker)
        else:
            write(checkpoint, contents)
        done = call(*place.words(way, checkpoint, out, *more))
        return done, marker.exists(), out

    return type_way
