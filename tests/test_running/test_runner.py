import pytest
import torch
from mmengine.runner import Runner

from loma_mm.running import build_runner, load_config
from tests.helpers import CLASSIFIER

pytest.importorskip('mmpretrain')


def schedulers(data_root, tmp_path, end):
    """Those of a training of 23 iterations, as the Runner has them."""
    cfg = load_config(str(CLASSIFIER), dict(data_root=data_root, max_epochs=1))
    cfg.work_dir = str(tmp_path)
    cfg.param_scheduler[0].end = end
    runner = build_runner(cfg)
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    built = runner.build_param_scheduler(runner.param_schedulers)
    return runner.max_iters, built


@pytest.mark.parametrize('end', [2, 500])
def test_no_warm_up_outlasts_the_training(classifier_options, tmp_path, end):
    root = classifier_options[1].removeprefix('data_root=')
    iterations, (warm_up, _) = schedulers(root, tmp_path, end)
    assert 10 < iterations < 100
    assert warm_up.end == min(end, iterations // 5)


def test_no_memory_to_resume_is_no_other_training(
    classifier_options, tmp_path, monkeypatch
):
    def resume(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError('no memory')

    root = classifier_options[1].removeprefix('data_root=')
    cfg = load_config(str(CLASSIFIER), dict(data_root=root))
    cfg.work_dir = str(tmp_path)
    runner = build_runner(cfg)
    monkeypatch.setattr(Runner, 'resume', resume)
    with pytest.raises(torch.cuda.OutOfMemoryError):
        runner.resume('any.pth')
