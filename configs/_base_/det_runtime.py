_base_ = 'mmdet::_base_/default_runtime.py'

default_hooks = dict(
    # a save that is interrupted loses nothing
    checkpoint=dict(type='loma_mm.engine.WholeCheckpointHook'),
    # no random draw is repeated; a loss that is no number ends the training
    draw_seed=dict(type='loma_mm.engine.DrawSeedHook'),
    non_finite_loss=dict(type='loma_mm.engine.NonFiniteLossHook', patience=10),
)
