"""Data that is read through a file backend of MMEngine, as from S3 or Petrel."""

import shutil

import pytest
from mmengine.fileio import LocalBackend
from mmengine.fileio.backends import backends, prefix_to_backends, register_backend

from tests.helpers import DETECTOR

CONFIG = f"""
_base_ = {str(DETECTOR)!r}
data = dict(data_root='elsewhere://digits/', backend_args=dict(backend='elsewhere'))
load = dict(type='LoadImageFromFile', backend_args=data['backend_args'])
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=[load, *_base_.train_pipeline[1:]], **data),
)
val_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(pipeline=[load, *_base_.test_pipeline[1:]], **data),
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=1, val_interval=1)
"""
SCENE = 'JPEGImages/train_00000.jpg'


class Elsewhere(LocalBackend):
    """``elsewhere://digits``, which no path of this machine is."""

    # MMEngine keeps one instance for all datasets.
    root = None

    def get(self, filepath):
        return super().get(self.here(filepath))

    def get_text(self, filepath, encoding='utf-8'):
        return super().get_text(self.here(filepath), encoding)

    def exists(self, filepath):
        return super().exists(self.here(filepath))

    def here(self, path):
        scheme, name = path.split('://')
        assert scheme == 'elsewhere'
        return str(self.root / name)


@pytest.fixture
def elsewhere(digits, tmp_path, monkeypatch):
    shutil.copytree(digits, tmp_path / 'digits')
    (tmp_path / 'config.py').write_text(CONFIG)
    monkeypatch.setattr(Elsewhere, 'root', tmp_path)
    register_backend('elsewhere', Elsewhere, prefixes='elsewhere')
    yield tmp_path
    del backends['elsewhere'], prefix_to_backends['elsewhere']


def test_it_is_trained_on_and_tested(call, elsewhere):
    for xml in (elsewhere / 'digits/Annotations').iterdir():
        # Then the image tells its size.
        text = xml.read_text()
        before, size = text.split('<size>')
        xml.write_text(before + size.split('</size>')[1])
    config = elsewhere / 'config.py'
    done = call('train', config, '--work-dir', elsewhere / 'work')
    assert done.code == 0 and 'pascal_voc/mAP' in done.out, done.said
    checkpoint = elsewhere / 'work/epoch_1.pth'
    again = call('test', config, checkpoint, '--work-dir', elsewhere / 'tested')
    assert again.code == 0, again.said
    assert table(again.out) == table(done.out)
    drawn = call('browse', config, '--out', elsewhere / 'samples.png')
    assert drawn.code == 0 and (elsewhere / 'samples.png').is_file(), drawn.said


def table(out):
    return [line for line in out.splitlines() if line.startswith('|')]


@pytest.mark.parametrize(
    'name', ['ImageSets/Main/train.txt', 'Annotations/train_00000.xml', SCENE]
)
def test_what_is_not_there_is_named(call, elsewhere, name):
    (elsewhere / 'digits' / name).unlink()
    done = call('train', elsewhere / 'config.py', '--work-dir', elsewhere / 'work')
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    said = done.err.splitlines()[-1]
    assert name in said, said


def test_an_image_that_is_cut_off_is_there(call, elsewhere):
    path = elsewhere / 'digits' / SCENE
    path.write_bytes(b'')
    done = call('train', elsewhere / 'config.py', '--work-dir', elsewhere / 'work')
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    said = done.err.splitlines()[-1]
    assert f'elsewhere://digits/{SCENE} cannot be loaded' in said
    assert 'not there' not in said
