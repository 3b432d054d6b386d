"""The hooks of a night, under the toolboxes' own tools too."""

import pytest
from mmengine.config import Config
from mmengine.registry import HOOKS, DefaultScope

from loma_mm.engine import DrawSeedHook, NonFiniteLossHook, WholeCheckpointHook
from loma_mm.running import configs_folder, shipped_configs

HOOKS_OF_A_NIGHT = {
    'checkpoint': WholeCheckpointHook,
    'draw_seed': DrawSeedHook,
    'non_finite_loss': NonFiniteLossHook,
}
# One of each folder, and of a folder one of each kind of data.
KINDS = {
    (
        config.split('/')[0],
        config.removesuffix('.py').split('_')[-1].rstrip('0'),
    ): config
    for config in shipped_configs()
}


@pytest.mark.parametrize('config', KINDS.values())
def test_nothing_is_lost_and_nothing_repeated(config):
    cfg = Config.fromfile(configs_folder() / config)
    assert cfg.default_hooks.non_finite_loss.patience == 10
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        for name, kind in HOOKS_OF_A_NIGHT.items():
            assert type(HOOKS.build(cfg.default_hooks[name])) is kind
