"""No option that something reads is taken for a mistake."""

import functools
import inspect

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from loma_mm.running import find_config, unread
from loma_mm.running.preflight import check_toolbox

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')


def holders(node, place=()):
    """All dicts below one, with the keys that lead to them."""
    if isinstance(node, dict):
        yield node, place
        node = node.items()
    else:
        node = enumerate(node) if isinstance(node, (list, tuple)) else ()
    for key, child in list(node):
        yield from holders(child, (*place, key))


# Of the toolboxes' configs, those whose types take **kwargs and pass them over a
# parent, or have parts that others read, and ours.
@pytest.mark.parametrize(
    'name',
    [
        'mmdet::detr/detr_r50_8xb2-150e_coco.py',
        'mmdet::vfnet/vfnet_r50-mdconv-c3-c5_fpn_ms-2x_coco.py',
        'mmdet::queryinst/queryinst_r50_fpn_1x_coco.py',
        'mmdet::albu_example/mask-rcnn_r50_fpn_albu-1x_coco.py',
        'mmpretrain::mvit/mvitv2-tiny_8xb256_in1k.py',
        'mmpretrain::resnest/resnest50_32xb64_in1k.py',
        'faster-rcnn_r50_fpn_loma-f-fo-1x_voc07',
        'mask-rcnn_r50_fpn_loma-warp-1x_coco',
        'resnet20_1xb128-loma-f-fo-neck_image-folder',
    ],
)
def test_each_key_of_a_config_would_pass_if_it_were_new(name, tmp_path, monkeypatch):
    # Each type is named by many keys.
    for once in ('_find', '_uses'):
        monkeypatch.setattr(unread, once, functools.cache(getattr(unread, once)))
    path = name if '::' in name else find_config(name)
    (tmp_path / 'it.py').write_text(f'_base_ = {path!r}')
    cfg = Config.fromfile(tmp_path / 'it.py')
    check_toolbox(cfg.default_scope)
    tried = 0
    read = {key: cfg[key] for key in inspect.signature(Runner).parameters if key in cfg}
    for node, place in holders(read):
        for key in [key for key in node if place and '.' not in key]:
            value = node.pop(key)
            unread.check_read(cfg, {'.'.join(map(str, (*place, key))): value}, ())
            node[key] = value
            tried += 1
    assert tried > 100
