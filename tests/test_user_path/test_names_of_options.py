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
        # Types that take **kwargs, and give them to a parent,
        ('model.backbone.dephh=18', 'depth'),
        ('train_dataloader.dataset.img_subdirr=x', 'img_subdir'),
        ('param_scheduler.0.endd=3', 'end'),
        # or to others,
        ('default_hooks.checkpoint.save_opimizer=false', 'save_optimizer'),
        # or to nobody.
        ('model.rpn_head.bbox_coder.clip_bordr=true', 'clip_border'),
        ('train_dataloader.sampler.sed=1', 'seed'),
        ('train_dataloader.num_worker=1', 'num_workers'),
        ('model.train_cfg.rpn.assigner.gpu_assign_th=5', 'gpu_assign_thr'),
        ('val_evaluator.iou_thr=0.5', 'iou_thrs'),
        ('visualizer.save_dr=x', 'save_dir'),
        ('log_processor.windw_size=3', 'window_size'),
        ('optim_wrapper.acumulative_counts=2', 'accumulative_counts'),
        ('optim_wrapper.clip_grad.max_nrom=1', 'max_norm'),
        ('optim_wrapper.paramwise_cfg.bias_lr_mul=2', 'bias_lr_mult'),
        (
            'model_wrapper_cfg.type=MMDistributedDataParallel '
            'model_wrapper_cfg.find_unused_parameter=true',
            'find_unused_parameters',
        ),
    ],
)
def test_an_option_that_nothing_reads(call, option, meant):
    done = call('train', DETECTOR, '--cfg-options', *option.split())
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
        'default_hooks.timer.priority=50', 'optim_wrapper.clip_grad.max_norm=1',
        'default_hooks.checkpoint.any_word_of_save_checkpoint=1',
        'model.backbone.norm_cfg.requires_grad=false', 'visualizer.line_width=2',
        'model.train_cfg.rcnn.sampler.num=9', 'optim_wrapper.loss_scale=dynamic',
    )  # fmt: skip
    assert done.code == 1
    assert f'{tmp_path}/no data/JPEGImages' in done.err or (
        f'{tmp_path}/no data/ImageSets' in done.err
    )


def test_an_option_below_a_value_and_the_advice(call, tmp_path):
    words = ['train', DETECTOR, '--cfg-options', f'data_root={tmp_path}/no data/']
    words += ['model.backbone.init_cfg.type=Kaiming', 'model.backbone.init_cfg.a=1']
    done = call(*words)
    assert done.code == 1 and 'init_cfg, which is None and has no keys' in done.err
    advice = done.err.split(': add ')[1].split()[0]
    assert f'{tmp_path}/no data/' in call(*words, advice).err


def test_an_element_that_is_not_there(call):
    words = ['train', DETECTOR, '--cfg-options']
    done = call(*words, 'param_scheduler.7.end=3')
    assert done.code == 1
    assert 'names no element of param_scheduler, which are counted from 0' in done.err
