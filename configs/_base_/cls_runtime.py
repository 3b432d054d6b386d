_base_ = 'mmpretrain::_base_/default_runtime.py'

custom_imports = dict(imports=['loma_mm'], allow_failed_imports=False)

default_hooks = dict(
    # 300 checkpoints of a wide network would fill a disk: keep the latest, which
    # goes when the next is written
    checkpoint=dict(type='loma_mm.engine.WholeCheckpointHook', max_keep_ckpts=1),
    # no random draw is repeated; a loss that is no number ends the training
    draw_seed=dict(type='loma_mm.engine.DrawSeedHook'),
    non_finite_loss=dict(type='loma_mm.engine.NonFiniteLossHook', patience=10),
)
