"""An option that nothing reads is an error with the nearest name."""

import pytest

DETECTOR = 'faster-rcnn_r18_fpn_loma-rhombus-scratch-8e_custom-voc'


@pytest.mark.parametrize(
    'option, meant',
    [
        ('max_epoch=20', 'max_epochs'),
        ('loma.probb=1', 'prob'),
        ('train_cfg.max_epoch=20', 'max_epochs'),
        ('model.backbon.depth=50', 'backbone'),
        ('optim_wrapper.optimizer.lrr=1', 'lr'),
        ('randomness.sed=1', 'seed'),
        ('model.test_cfg.rcnn.score_th=0.1', 'score_thr'),
    ],
)
def test_an_option_that_nothing_reads(call, option, meant):
    done = call('train', DETECTOR, '--cfg-options', option)
    assert done.code == 1
    assert f'did you mean {meant}?' in done.err and 'Nothing reads' in done.err


def test_options_of_the_runner_and_of_types_pass(call, tmp_path):
    """They end at the data, which is not there, and not at an option."""
    done = call(
        'train', DETECTOR, '--cfg-options', f'data_root={tmp_path}/no data/',
        'randomness.seed=1', 'env_cfg.cudnn_benchmark=true', 'load_from=None',
        'default_hooks.x.type=EMAHook', 'resume=false', 'max_epochs=20',
        'loma.interpolation=bilinear', 'optim_wrapper.accumulative_counts=2',
        'model.backbone.with_cp=true', 'optim_wrapper.paramwise_cfg.bias_lr_mult=2',
        'auto_scale_lr.enable=true', 'train_dataloader.dataset.indices=4',
    )  # fmt: skip
    assert done.code == 1
    assert f'{tmp_path}/no data/JPEGImages' in done.err or (
        f'{tmp_path}/no data/ImageSets' in done.err
    )
