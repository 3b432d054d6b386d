"""Configs elsewhere that inherit the shipped ones."""

import pytest
from mmengine.config import Config

import loma_mm
from loma_mm.errors import ConfigError
from loma_mm.running import configs_folder, find_config, load_config

CLASSIFIER = 'resnet_cifar/resnet20_1xb128-loma-if-fo_cifar10.py'
DETECTOR = 'faster_rcnn/faster-rcnn_r50_fpn_loma-rhombus-1x_voc07.py'


def scopes(node):
    """Every _scope_ in a config."""
    if isinstance(node, dict):
        found = {node['_scope_']} if '_scope_' in node else set()
        return found.union(*map(scopes, node.values()))
    if isinstance(node, (list, tuple)):
        return set().union(*map(scopes, node))
    return set()


@pytest.mark.parametrize('name', [CLASSIFIER, DETECTOR])
def test_base_of_the_package_is_what_it_is_there(name, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(f"_base_ = 'loma_mm::{name}'\n")
    shipped = load_config(str(configs_folder() / name))
    inherited = load_config(str(mine))
    assert inherited.to_dict() == shipped.to_dict()
    assert 'loma_mm' not in scopes(inherited.to_dict())


@pytest.mark.parametrize('name', [CLASSIFIER, DETECTOR])
def test_base_by_its_path_needs_none_of_our_commands(name, tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(f"_base_ = __import__('loma_mm').config_path({name!r})\n")
    shipped = Config.fromfile(configs_folder() / name)
    assert Config.fromfile(mine).to_dict() == shipped.to_dict()


def test_base_of_a_base_beside_one_of_a_toolbox(tmp_path):
    (tmp_path / 'data.py').write_text(
        "_base_ = 'loma_mm::_base_/transforms/loma_voc.py'\n"
    )
    mine = tmp_path / 'mine.py'
    mine.write_text(
        "_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py', './data.py']\n"
        'mine = _base_.loma\n'
    )
    cfg = load_config(str(mine))
    assert cfg.model.type == 'FasterRCNN'
    assert cfg.mine.type == 'loma_mm.LocalMagnification'
    assert 'loma_mm' not in scopes(cfg.to_dict())


def test_mmengine_is_left_as_it_was(tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text("_base_ = 'loma_mm::resnet_cifar/none.py'\n")
    with pytest.raises(ConfigError, match=r'no config file loma_mm::.*configs lists'):
        load_config(str(mine))
    with pytest.raises(AssertionError, match='does not support to load loma_mm'):
        Config.fromfile(mine)


def test_names_of_a_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = str(configs_folder() / CLASSIFIER)
    stem = CLASSIFIER.split('/')[1].removesuffix('.py')
    for name in (CLASSIFIER, f'configs/{CLASSIFIER}', stem, f'loma_mm::{CLASSIFIER}'):
        assert loma_mm.config_path(name) == find_config(name) == path
    (tmp_path / f'{stem}.py').touch()
    assert find_config(f'{stem}.py') == f'{stem}.py'
    assert loma_mm.config_path(f'{stem}.py') == path
    with pytest.raises(ConfigError, match=f'did you mean .*{stem}'):
        loma_mm.config_path(f'{stem}x')
