_base_ = 'mmpretrain::_base_/default_runtime.py'

custom_imports = dict(imports=['loma_mm'], allow_failed_imports=False)

# 300 checkpoints of a wide network would fill a disk: keep the latest
default_hooks = dict(checkpoint=dict(max_keep_ckpts=1))
