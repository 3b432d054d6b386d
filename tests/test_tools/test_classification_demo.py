"""The same tools on a classifier: the demo config, one epoch."""
import mmcv
import mmengine
import pytest

from tests.conftest import ROOT, run_tool

DEMO = ROOT / 'configs/resnet_cifar/resnet20_1xb64-loma-if-fo_digits.py'
TOOLS = ROOT / 'tools'


@pytest.fixture(scope='module')
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp('data') / 'digits'
    run_tool(TOOLS / 'make_digits.py', 'folder', folder)
    return ('--cfg-options', f'data_root={folder}', 'train_cfg.max_epochs=1',
            'train_cfg.val_interval=1', 'train_dataloader.num_workers=0',
            'val_dataloader.num_workers=0', 'test_dataloader.num_workers=0')


@pytest.fixture(scope='module')
def work_dir(options, tmp_path_factory):
    folder = tmp_path_factory.mktemp('work')
    done = run_tool(TOOLS / 'train.py', DEMO, '--work-dir', folder, *options)
    assert 'accuracy/top1' in done.stdout
    return folder


def test_tested_alike(work_dir, options, tmp_path):
    done = run_tool(
        TOOLS / 'test.py', DEMO, work_dir / 'epoch_1.pth', '--work-dir',
        tmp_path, '--out', tmp_path / 'found.pkl', '--show-dir',
        tmp_path / 'painted', '--interval', 4, *options)
    assert 'accuracy/top1' in done.stdout
    assert len(mmengine.load(tmp_path / 'found.pkl')) == 450
    assert list((tmp_path / 'painted').rglob('*.png'))


def test_its_checkpoint_fits_the_plain_network(work_dir, options, tmp_path):
    plain = ROOT / 'configs/resnet_cifar/resnet20_1xb128_image-folder.py'
    done = run_tool(
        TOOLS / 'test.py', plain, work_dir / 'epoch_1.pth', '--work-dir',
        tmp_path, *options)
    assert 'do not match exactly' not in done.stdout
    assert 'accuracy/top1' in done.stdout


def test_feature_augments_as_a_neck(options, tmp_path):
    done = run_tool(
        TOOLS / 'train.py', ROOT / 'configs/feature_space/'
        'resnet20_1xb128-loma-f-fo-neck_image-folder.py', '--work-dir',
        tmp_path, '--no-validate', *options)
    assert 'FeatureAugmentNeck' in done.stdout
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_picture(options, tmp_path):
    run_tool(TOOLS / 'browse_dataset.py', DEMO, '--out', tmp_path / 'a.png',
             '--number', 2, '--columns', 2, *options)
    img = mmcv.imread(tmp_path / 'a.png')
    assert img.shape == (416, 824, 3)
    assert img[8:408, 8:408].std() > 10


def test_too_few_outputs_are_said_before_training(options, tmp_path):
    done = run_tool(
        TOOLS / 'train.py', DEMO, '--work-dir', tmp_path, *options,
        'model.head.num_classes=5', check=False)
    assert done.returncode == 1
    assert 'num_classes' in done.stdout.splitlines()[-1]
    assert 'Traceback' not in done.stdout
