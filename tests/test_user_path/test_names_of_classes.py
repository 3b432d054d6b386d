"""Names of classes arrive as they are written, and count alike in all splits."""

import shutil

import cv2
import numpy as np
import pytest

from tests.alone import alone

CLASSIFIER = 'resnet20_1xb128_image-folder'
COLOURS = dict(cat=(200, 30, 30), dog=(30, 200, 30), fish=(30, 30, 200))
SMALL = (
    'train_dataloader.num_workers=0',
    'val_dataloader.num_workers=0',
    'test_dataloader.num_workers=0',
    'model.backbone.depth=8',
    'train_dataloader.batch_size=6',
    'max_epochs=12',
    'train_cfg.val_interval=12',
    'randomness.seed=0',
)


def paint(folder, colour, number):
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(number):
        img = np.clip(np.array(colour) + rng.integers(-25, 25, (32, 32, 3)), 0, 255)
        assert cv2.imwrite(str(folder / f'{i}.png'), img.astype(np.uint8))


@pytest.fixture(scope='module')
def pets(tmp_path_factory):
    """A colour for each class, train and test."""
    root = tmp_path_factory.mktemp('pets data')
    for split, number in (('train', 6), ('test', 2)):
        for name, colour in COLOURS.items():
            paint(root / split / name, colour, number)
    return root


@pytest.fixture
def mine(pets, tmp_path):
    """A copy to change."""
    shutil.copytree(pets, tmp_path / 'pets')
    return tmp_path / 'pets'


@pytest.fixture(scope='module')
def checkpoint(pets, tmp_path_factory):
    """Of a classifier that tells the colours apart."""
    from loma_mm.__main__ import main

    folder = tmp_path_factory.mktemp('work')
    words = ['train', CLASSIFIER, '--work-dir', folder, '--cfg-options']
    with alone():
        assert main([*map(str, [*words, f'data_root={pets}', *SMALL])]) == 0
    return folder / 'epoch_12.pth'


def accuracy(done):
    assert done.code == 0, done.err
    return float(done.said.rsplit('accuracy/top1:', 1)[1].split()[0])


def test_words(checkpoint, root, *options):
    return (
        'test',
        CLASSIFIER,
        checkpoint,
        '--work-dir',
        checkpoint.parent / 'tested',
        '--cfg-options',
        f'data_root={root}',
        *SMALL,
        *options,
    )


test_words.__test__ = False


def test_a_class_without_test_images_keeps_the_labels(call, checkpoint, mine):
    """An error that names the folders; what it says to give mends it."""
    assert accuracy(call(*test_words(checkpoint, mine))) == 100
    shutil.rmtree(mine / 'test' / 'cat')
    for words in (
        ('train', CLASSIFIER, '--cfg-options', f'data_root={mine}', *SMALL),
        test_words(checkpoint, mine),
    ):
        done = call(*words)
        assert done.code == 1
        assert f'{mine}/train' in done.err and f'{mine}/test' in done.err
        assert 'has none for cat' in done.err
        assert done.err.rstrip().endswith('--cfg-options classes="[cat,dog,fish]".')
    done = call(*test_words(checkpoint, mine, 'classes=[cat,dog,fish]'))
    assert accuracy(done) == 100
    assert 'there is no image of cat' in done.err


@pytest.mark.parametrize('name', ['Dog', 'dogs', 'wolf'])
def test_a_renamed_folder_is_named(call, checkpoint, mine, name):
    (mine / 'test' / 'dog').rename(mine / 'test' / name)
    done = call(*test_words(checkpoint, mine))
    assert done.code == 1
    assert f'{mine}/test has 1 folder of no class, {name},' in done.err
    assert f'{mine}/train, cat, dog, fish' in done.err
    assert ('for dog?' in done.err) == (name != 'wolf')


@pytest.mark.parametrize('name', ['.ipynb_checkpoints', '__MACOSX', '.DS_Store.d'])
def test_hidden_folders_are_no_classes(call, checkpoint, mine, name, tmp_path):
    for split in ('train', 'test'):
        paint(mine / split / name, (250, 250, 250), 1)
    paint(mine / 'test' / 'cat' / name, COLOURS['dog'], 1)
    (mine / 'test' / 'fish' / '._0.png').write_text('not an image')
    assert accuracy(call(*test_words(checkpoint, mine))) == 100
    out = tmp_path / 'list.txt'
    assert call('list-images', mine / 'test', out, '--per-class', 2).code == 0
    assert out.read_text().split() == [
        word
        for label, pet in enumerate(COLOURS)
        for i in (0, 1)
        for word in (f'{pet}/{i}.png', str(label))
    ]
    done = call(
        'browse', CLASSIFIER, '--out', tmp_path / 'a.png', '--number', 30,
        '--cfg-options', f'data_root={mine}', *SMALL,
    )  # fmt: skip
    assert done.code == 0, done.err
    assert ': 18 samples' in done.out


def test_lists_beside_train_have_its_labels(call, mine, tmp_path):
    shutil.rmtree(mine / 'test' / 'cat')
    out = tmp_path / 'list.txt'
    assert call('list-images', mine / 'test', out, '--per-class', 1).code == 0
    assert out.read_text().splitlines() == ['dog/0.png 1', 'fish/0.png 2']
    (mine / 'test' / 'dog').rename(mine / 'test' / 'dogs')
    done = call('list-images', mine / 'test', out, '--per-class', 1)
    assert done.code == 1 and 'dogs' in done.err


OWN = """
_base_ = [
    'mmpretrain::_base_/models/resnet18_cifar.py',
    'mmpretrain::_base_/default_runtime.py',
]
model = dict(
    backbone=dict(stem_channels=8, base_channels=8),
    head=dict(num_classes=3, in_channels=64, topk=(1,)),
)
load = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(type='CustomDataset', data_root={root!r}, data_prefix='train',
                 pipeline=load))
val_dataloader = dict(
    batch_size=2, num_workers=0, sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='CustomDataset', data_root={root!r} + '/test', pipeline=load))
test_dataloader = val_dataloader
val_evaluator = test_evaluator = dict(type='Accuracy')
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
"""


def test_a_config_of_ones_own_is_spared(call, mine, tmp_path):
    """MMPretrain's CustomDataset, hidden folders, a class missing in test."""
    config = tmp_path / 'own.py'
    config.write_text(OWN.format(root=str(mine)))
    words = ('train', config, '--work-dir', tmp_path / 'work')
    for split in ('train', 'test'):
        paint(mine / split / '.ipynb_checkpoints', (0, 0, 0), 1)
    done = call(*words)
    assert done.code == 0, done.err
    shutil.rmtree(mine / 'test' / 'cat')
    done = call(*words)
    assert done.code == 1 and 'has none for cat' in done.err
    assert call(*words, '--cfg-options', 'classes=[cat,dog,fish]').code == 0


KINDS = """
from mmengine.registry import DATASETS
from mmpretrain.datasets import CustomDataset


@DATASETS.register_module(force=True)
class FoldersOfMine(CustomDataset):
    pass


@DATASETS.register_module(force=True)
class BrokenReader(CustomDataset):
    def load_data_list(self):
        return {}['label']
"""


def test_a_dataset_of_ones_own(call, mine, tmp_path, monkeypatch):
    """Its hidden folders, its classes and its errors, before the training."""
    (tmp_path / 'kinds_of_mine.py').write_text(KINDS)
    monkeypatch.syspath_prepend(tmp_path)
    text = OWN.format(root=str(mine)) + "custom_imports = dict(imports='kinds_of_mine')"
    config = tmp_path / 'own.py'
    words = ('train', config, '--work-dir', tmp_path / 'work')

    def error(kind):
        config.write_text(text.replace("'CustomDataset'", repr(kind)))
        done = call(*words)
        assert done.code == 1
        return done.err

    assert "(BrokenReader) cannot be read: KeyError: 'label'" in error('BrokenReader')
    paint(mine / 'train' / '.cache', (0, 0, 0), 1)
    assert 'FoldersOfMine takes .cache in' in error('FoldersOfMine')
    shutil.rmtree(mine / 'train' / '.cache')
    shutil.rmtree(mine / 'test' / 'fish')
    assert 'The splits disagree about their classes: fish' in error('FoldersOfMine')


def test_names_for_other_than_the_folders_there_are(call, mine, tmp_path):
    words = (
        'train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options',
        f'data_root={mine}', *SMALL, 'max_epochs=1',
    )  # fmt: skip
    done = call(*words, 'classes=[oak,elm]')
    assert done.code == 1
    assert 'has 3 folders of images' in done.err and 'names 2 classes' in done.err


def test_too_few_outputs_and_the_advice(call, mine, tmp_path):
    """The number that is told trains; hidden folders are not in it."""
    paint(mine / 'train' / '.cache', (0, 0, 0), 1)
    words = (
        'train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options',
        f'data_root={mine}', *SMALL, 'max_epochs=1',
    )  # fmt: skip
    done = call(*words, 'model.head.num_classes=2')
    assert done.code == 1
    assert 'has 3 classes and the model tells 2 apart' in done.err
    advice = done.err.rsplit('--cfg-options ', 1)[1].strip().rstrip('.')
    assert advice == 'model.head.num_classes=3'
    assert call(*words, advice).code == 0


def test_labels_of_a_list_beyond_the_head(call, mine, tmp_path):
    lines = [f'{name}/0.png {i}' for i, name in enumerate(COLOURS)]
    (tmp_path / 'train.txt').write_text('\n'.join(lines))
    words = (
        'train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options',
        f'data_root={mine}', *SMALL, 'max_epochs=1', 'model.head.num_classes=2',
        f'train_dataloader.dataset.ann_file={tmp_path}/train.txt',
    )  # fmt: skip
    assert 'has 3 classes and the model tells 2 apart' in call(*words).err
    (tmp_path / 'train.txt').write_text('cat/0.png 2\ndog/0.png 1\nfish/0.png 0\n')
    done = call(*words, 'model.head.num_classes=3')
    assert done.code == 1 and 'cat has label' in done.err
    (tmp_path / 'train.txt').write_text('cat/0.png 0\ndog/0.png\n')
    assert f'{tmp_path}/train.txt:2 is not' in call(*words).err


def test_weights_that_do_not_fit_stop_a_test(call, checkpoint, pets, tmp_path):
    """A head of other size, in every command that loads; the advice is true."""
    options = ('--cfg-options', f'data_root={pets}', *SMALL)
    wrong = 'model.head.num_classes=7'
    image = pets / 'test' / 'dog' / '0.png'
    picture = tmp_path / 'a.png'
    for words in (
        test_words(checkpoint, pets, wrong),
        ('occlusion', '--out', picture,  '--model', 'a',
         CLASSIFIER, checkpoint, *options, wrong),
        ('draw-cam', '--out', picture, '--model', 'a', CLASSIFIER, checkpoint,
         '--images', image, *options, wrong),
        ('draw-feature-maps', '--out', picture, '--config', CLASSIFIER,
         '--checkpoint', checkpoint, *options, wrong),
    ):  # fmt: skip
        done = call(*words)
        assert done.code == 1, words[0]
        line = done.err.rstrip().splitlines()[-1]
        assert 'does not fit' in line and 'head.fc.weight [10, 64] for [7, 64]' in line
        assert line.endswith('--cfg-options model.head.num_classes=10.')
    assert not picture.exists()
    # A deeper network than that of the checkpoint.
    done = call(*test_words(checkpoint, pets, 'model.backbone.depth=14'))
    assert done.code == 1 and 'weights that it lacks, backbone.' in done.err


def test_fine_tuning_says_what_it_does_not_take(call, checkpoint, pets, tmp_path):
    done = call(
        'train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options',
        f'data_root={pets}', *SMALL, 'max_epochs=1', 'model.head.num_classes=3',
        f'load_from={checkpoint}',
    )  # fmt: skip
    assert done.code == 0, done.err
    assert 'head.fc.weight [10, 64] for [3, 64]' in done.said


def test_classes_in_another_order_stop_a_test(call, checkpoint, pets):
    """The checkpoint knows those of its training; what is told mends it."""
    done = call(*test_words(checkpoint, pets, 'classes=[dog,cat,fish]'))
    assert done.code == 1 and 'trained with the classes cat, dog, fish' in done.err
    assert done.err.rstrip().endswith('--cfg-options classes="[cat,dog,fish]".')
    assert accuracy(call(*test_words(checkpoint, pets, 'classes=[cat,dog,fish]')))
