"""The same tools on a classifier: the demo config, one epoch."""

import errno
import os

import mmengine

from tests.helpers import CLASSIFIER as DEMO
from tests.helpers import ROOT, run_command


def test_tested_alike(classifier, classifier_options, tmp_path):
    done = run_command(
        'test',
        DEMO,
        classifier / 'epoch_1.pth',
        '--work-dir',
        tmp_path,
        '--out',
        tmp_path / 'found.pkl',
        '--show-dir',
        tmp_path / 'painted',
        '--interval',
        4,
        *classifier_options,
    )
    assert 'accuracy/top1' in done.stdout
    assert len(mmengine.load(tmp_path / 'found.pkl')) == 450
    assert list((tmp_path / 'painted').rglob('*.png'))


def test_predictions_are_written_whole_or_not(
    classifier, classifier_options, tmp_path, call, monkeypatch
):
    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    found = tmp_path / 'found.pkl'
    found.write_text('those of before')
    words = ['test', DEMO, classifier / 'epoch_1.pth', '--work-dir', tmp_path]
    words += ['--out', found, *classifier_options]
    with monkeypatch.context() as patch:
        patch.setattr(os, 'fsync', full)
        called = call(*words)
    assert called.code == 1 and 'No space is left' in called.err
    assert found.read_text() == 'those of before'
    assert [path.name for path in tmp_path.glob('*found*')] == ['found.pkl']
    called = call(*words)
    assert not called.code and f'{found}: predictions of 450 images.' in called.out


def test_its_checkpoint_fits_the_plain_network(
    classifier, classifier_options, tmp_path
):
    plain = ROOT / 'configs/resnet_cifar/resnet20_1xb128_image-folder.py'
    done = run_command(
        'test',
        plain,
        classifier / 'epoch_1.pth',
        '--work-dir',
        tmp_path,
        *classifier_options,
    )
    assert 'do not match exactly' not in done.stdout
    assert 'accuracy/top1' in done.stdout


def test_feature_augments_as_a_neck(classifier_options, tmp_path):
    run_command(
        'train',
        ROOT / 'configs/feature_space/resnet20_1xb128-loma-f-fo-neck_image-folder.py',
        '--work-dir',
        tmp_path,
        '--no-validate',
        *classifier_options,
    )
    (log,) = tmp_path.glob('*/*.log')
    assert 'FeatureAugmentNeck' in log.read_text()
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_too_few_outputs_are_said_before_training(classifier_options, tmp_path):
    done = run_command(
        'train',
        DEMO,
        '--work-dir',
        tmp_path,
        *classifier_options,
        'model.head.num_classes=5',
        check=False,
    )
    assert done.returncode == 1
    assert 'num_classes' in done.stdout.splitlines()[-1]
    assert 'Traceback' not in done.stdout
