"""Data as people have it: each fault is a sentence before the work, as documented."""

import re
import shutil

import pytest
import torch

from tests.helpers import ROOT

from .faults import CONFIGS, FAULTS, READ, cut, image, make, xml

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')

PAGE = ROOT / 'docs' / 'faults.md'
CASES = [(kind, name) for kind, faults in FAULTS.items() for name in faults]


def table(heading):
    """The rows of the table below a heading: what is wrong, and what is said."""
    text = PAGE.read_text().split(f'\n## {heading}\n')[1].split('\n## ')[0]
    rows = re.findall(r'^\|.*\|$', text, re.M)[2:]
    return dict(row.strip('| ').split(' | ') for row in rows)


@pytest.fixture
def broken(tmp_path):
    """Writes a dataset with a fault: gives its folder and options."""

    def write(kind, break_it):
        root = tmp_path / 'data'
        root.mkdir()
        options = make(kind, root)
        break_it(root)
        return root, ['--cfg-options', *options]

    return write


def lines_of(said, root):
    """What a command said of the data, a sentence a line."""
    lines = said.replace(str(root), 'DATA').replace(str(root.parent), '..').splitlines()
    return [line.removeprefix('Note: ') for line in lines if 'torchvision' not in line]


def test_the_page_has_every_fault():
    assert set(table('Said before the work')) == {name for _, name in CASES}
    read = PAGE.read_text().split('\n## Read as it is meant\n')[1].split('\n## ')[0]
    listed = re.findall(r'^- (.*)$', read, re.M)
    assert listed == [name for names in READ.values() for name in names]


@pytest.mark.parametrize(('kind', 'name'), CASES)
def test_a_fault_is_said_as_the_page_has_it(call, broken, tmp_path, kind, name):
    root, options = broken(kind, FAULTS[kind][name])
    begins = table('Said before the work')[name].strip('`').replace('``', '')
    goes_on = begins.startswith('Note: ')
    words = ['--number', 1, '--out', tmp_path / 'out.png']
    if not goes_on:
        words = ['--work-dir', tmp_path / 'work']
    done = call('browse' if goes_on else 'train', CONFIGS[kind], *words, *options)
    assert done.code == (0 if goes_on else 1), done.said
    said = lines_of(done.err, root)
    assert 'Traceback' not in done.said
    assert any(line.startswith(begins.removeprefix('Note: ')) for line in said), said
    assert goes_on or (len(said) == 1 and not (tmp_path / 'work').exists())


@pytest.mark.parametrize(
    ('kind', 'name'), [(kind, name) for kind, names in READ.items() for name in names]
)
def test_what_has_one_meaning_is_read(call, broken, tmp_path, kind, name):
    root, options = broken(kind, READ[kind][name])
    out = tmp_path / 'out.png'
    done = call('browse', CONFIGS[kind], '--number', 9, '--out', out, *options)
    assert done.code == 0, done.said
    expected = 2 if kind == 'list' else 3
    assert f'{expected} samples of the training pipeline' in done.out
    assert 'Note' not in ''.join(lines_of(done.err, root))


# ------------------------------------------------------------- every command
@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / 'any.pth'
    torch.save(dict(state_dict={}), path)
    return path


@pytest.mark.parametrize(
    'words',
    [
        ['test', 'CONFIG', 'CHECKPOINT', '--work-dir', 'OUT'],
        ['browse', 'CONFIG', '--out', 'OUT/a.png'],
        ['sweep', 'CONFIG', '--p', '0.5', '--work-dir', 'OUT'],
        ['detect', 'CONFIG', 'CHECKPOINT', '--out', 'OUT/a.png'],
        ['draw-loma', '--config', 'CONFIG', '--out', 'OUT/a.png'],
        [
            'draw-feature-maps',
            *('--config', 'CONFIG', '--checkpoint', 'CHECKPOINT', '--out', 'OUT/a.png'),
        ],
    ],
)
@pytest.mark.parametrize(
    ('fault', 'says'),
    [(xml(''), '.xml:1: the file is empty'), (image(b''), '.jpg is no image, it has')],
)
def test_every_command_names_the_file(
    call, broken, checkpoint, tmp_path, words, fault, says
):
    def break_both_splits(root):
        fault(root)
        for folder, suffix in (('Annotations', 'xml'), ('JPEGImages', 'jpg')):
            shutil.copy(root / f'{folder}/a.{suffix}', root / f'{folder}/d.{suffix}')

    _, options = broken('voc', break_both_splits)
    names = dict(CONFIG=CONFIGS['voc'], CHECKPOINT=checkpoint, OUT=tmp_path / 'out')
    for name, value in names.items():
        words = [word.replace(name, str(value)) for word in words]
    done = call(*words, *options)
    assert done.code == 1, done.said
    assert says in done.err and 'Traceback' not in done.said
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('command', ['occlusion', 'draw-cam'])
def test_commands_for_classifiers_name_the_image(
    call, broken, checkpoint, tmp_path, command
):
    _, options = broken('folders', cut('test/dog/d.jpg'))
    model = ['--model', 'it', CONFIGS['folders'], checkpoint]
    done = call(command, '--out', tmp_path / 'a.png', *model, *options)
    assert done.code == 1, done.said
    assert 'test/dog/d.jpg is an image that cannot be decoded' in done.err


@pytest.mark.parametrize('words', [['draw-loma'], ['draw-feature-maps']])
@pytest.mark.parametrize('fault', [image(b''), image(b'text'), cut()])
def test_an_image_on_the_command_line_is_named(call, broken, tmp_path, words, fault):
    root, _ = broken('voc', fault)
    path = root / 'JPEGImages/a.jpg'
    done = call(*words, '--image', path, '--out', tmp_path / 'a.png')
    assert done.code in (1, 2), done.said
    assert str(path) in done.err and 'Traceback' not in done.said
    assert not (tmp_path / 'a.png').exists()


def test_prepare_names_broken_files(call, broken, tmp_path):
    def break_two(root):
        cut()(root)
        (root / 'Annotations/b.xml').write_text('')
        (root / 'train.txt').unlink()
        (root / 'test.txt').unlink()

    root, _ = broken('voc', break_two)
    done = call('prepare', root, '--out', tmp_path / 'mine.py')
    assert done.code == 0, done.said
    assert f'{root}/JPEGImages/a.jpg: is an image that cannot be decoded' in done.out
    assert f'{root}/Annotations/b.xml:1: the file is empty' in done.out


def test_list_images_lists_none_that_is_broken(call, broken, tmp_path):
    root, _ = broken('folders', image(b'', 'train/cat/a.jpg'))
    words = [root / 'train', tmp_path / 'list.txt', '--per-class', 1]
    done = call('list-images', *words)
    assert done.code == 1 and 'train/cat/a.jpg is no image, it has zero' in done.err
    assert not (tmp_path / 'list.txt').exists()


def test_the_doctor_says_the_same(call, broken, tmp_path):
    root, _ = broken('voc', FAULTS['voc']['boxes outside the image'])
    config = tmp_path / 'mine.py'
    config.write_text(
        f'_base_ = "loma_mm::faster_rcnn/{CONFIGS["voc"]}.py"\n'
        f'data_root = "{root}/"\nclasses = ("cat",)\n'
        'dataset = dict(data_root=data_root, metainfo=dict(classes=classes))\n'
        'train_dataloader = dict(dataset=dict(dataset, ann_file="train.txt"))\n'
        'val_dataloader = dict(dataset=dict(dataset, ann_file="test.txt"))\n'
        'test_dataloader = val_dataloader\n'
    )
    done = call('doctor', '--config', config)
    assert f'{root}/Annotations/a.xml (90, 10, 120, 40' in done.out, done.said
