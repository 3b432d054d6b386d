"""Data that is neither on disk nor to be had is one sentence, everywhere."""

import urllib.error

import pytest
import torch

# A config of each dataset: what its sentence names.
DATASETS = {
    'resnet20_1xb128-loma-rhombus_cifar10': (
        'data/cifar10',
        'cifar-10-python.tar.gz',
        'cs.toronto.edu/~kriz/cifar.html',
    ),
    'resnet20_1xb128-loma-rhombus_cifar100': (
        'data/cifar100',
        'cifar-100-python.tar.gz',
        'cs.toronto.edu/~kriz/cifar.html',
    ),
    'resnet50_8xb32-loma-rhombus_in1k': ('data/imagenet', 'image-net.org'),
    'faster-rcnn_r50_fpn_loma-rhombus-1x_voc0712': (
        'data/VOCdevkit/VOC2007',
        'VOCtrainval_06-Nov-2007.tar',
        'host.robots.ox.ac.uk/pascal/VOC',
    ),
}
COMMANDS = {
    'train': ('train', 'CONFIG'),
    'test': ('test', 'CONFIG', 'none.pth'),
    'sweep': ('sweep', 'CONFIG'),
    'browse': ('browse', 'CONFIG', '--out', 'a.png'),
    'occlusion': (
        *('occlusion', '--out', 'a.png'),
        *('--model', 'LOMA', 'CONFIG', 'none.pth'),
    ),
}


@pytest.fixture
def offline(user, tmp_path, monkeypatch):
    """An empty folder, and no network."""

    def no_network(*args, **kwargs):
        raise urllib.error.URLError('Name or service not known')

    monkeypatch.setattr('urllib.request.urlopen', no_network)
    monkeypatch.chdir(tmp_path)
    torch.save(dict(state_dict={}), tmp_path / 'none.pth')
    return user


@pytest.mark.parametrize('command', COMMANDS)
@pytest.mark.parametrize('config', DATASETS)
def test_one_sentence(offline, capsys, tmp_path, config, command):
    if command == 'occlusion' and 'rcnn' in config:
        pytest.skip('it is for classifiers')
    words = [config if word == 'CONFIG' else word for word in COMMANDS[command]]
    assert offline(*words) == 1
    out, err = capsys.readouterr()
    # Besides, where mmcv's operators come from.
    lines = [said for said in err.splitlines() if not said.startswith('Note: ')]
    assert len(lines) == 1, err
    line = lines[0]
    folder, *source = DATASETS[config]
    assert str(tmp_path / folder) in line
    assert '--cfg-options data_root=' in line
    for word in source:
        assert word in line
    # That it tries to download is worth knowing; it may take long.
    assert all('ownload' in said for said in out.splitlines())
