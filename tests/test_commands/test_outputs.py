"""Where results go is tried before the work, and nothing is written over."""

import errno
import os

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS, init_default_scope

from loma_mm.files import why_not_writable
from loma_mm.running import load_config
from tests.helpers import CLASSIFIER, DETECTOR

COMMANDS = {
    'train': [DETECTOR, '--work-dir'],
    'test': [DETECTOR, 'X.pth', '--work-dir'],
    'browse': [DETECTOR, '--out-dir'],
    'make-digits': ['voc'],
    'sweep': [CLASSIFIER, '--work-dir'],
    'study': ['--work-dir'],
}
FILES = {
    'test': [DETECTOR, 'X.pth', '--out', 'a.pkl'],
    'browse': [DETECTOR, '--out', 'a.png'],
    'detect': [DETECTOR, 'X.pth', '--out', 'a.png'],
    'draw-loma': ['--out', 'a.png'],
    'draw-feature-maps': ['--out', 'a.png'],
    'draw-cam': ['--model', 'a', CLASSIFIER, 'X.pth', '--out', 'a.png'],
    'occlusion': ['--model', 'a', CLASSIFIER, 'X.pth', '--out', 'a.png'],
    'sweep': [CLASSIFIER, '--csv', 'a.csv'],
    'study': ['--report', 'a.md'],
    'tables': ['configs', '--out', 'a.md'],
    'list-images': ['configs', '--per-class', '1', 'a.txt'],
    'prepare': ['configs', '--out', 'a.py'],
}


def refused(call, command, words, says):
    done = call(command, *words)
    assert done.code == 2, done.said
    assert says in done.err and 'Traceback' not in done.said
    assert 'is not on disk' not in done.err


@pytest.mark.parametrize('command', COMMANDS)
def test_a_file_is_no_folder_to_write_to(call, tmp_path, command):
    (tmp_path / 'file').write_text('mine')
    words = [*COMMANDS[command], tmp_path / 'file']
    refused(call, command, words, f'{tmp_path}/file is a file, and no folder')
    assert (tmp_path / 'file').read_text() == 'mine'


@pytest.mark.parametrize('command', FILES)
def test_a_folder_is_no_file_to_write_to(call, tmp_path, command):
    *words, name = FILES[command]
    (tmp_path / name).mkdir()
    refused(call, command, [*words, tmp_path / name], f'{tmp_path / name} is a folder')


@pytest.mark.parametrize('command', FILES)
def test_nothing_is_written_below_a_file(call, tmp_path, command):
    *words, name = FILES[command]
    (tmp_path / 'file').write_text('mine')
    path = tmp_path / 'file' / name
    refused(call, command, [*words, path], f'{tmp_path}/file is a file')


def test_a_place_where_nothing_can_be_written(call, tmp_path):
    # Not even by the superuser.
    words = [DETECTOR, '--out', '/proc/a.png']
    refused(call, 'browse', words, '/proc/a.png cannot be written')
    name = 'n' * 300 + '.png'
    refused(call, 'browse', [DETECTOR, '--out', tmp_path / name], 'cannot be written')


@pytest.mark.skipif(os.geteuid() == 0, reason='the superuser may write everything')
def test_a_protected_file_stays(call, tmp_path):
    path = tmp_path / 'a.png'
    path.write_text('mine')
    path.chmod(0o400)
    refused(call, 'browse', [DETECTOR, '--out', path], 'is write-protected')


@pytest.mark.parametrize(
    ('command', 'name'),
    [('draw-loma --out', 'a.png'), ('list-images IMAGES --per-class 1', 'a.txt')],
)
def test_a_disk_that_is_full_then(call, tmp_path, monkeypatch, command, name):
    def full(path, *args, opened=open, **kwargs):
        if '.part-' in str(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        return opened(path, *args, **kwargs)

    (tmp_path / 'images/a').mkdir(parents=True)
    cv2.imwrite(f'{tmp_path}/images/a/1.png', np.zeros((9, 9, 3), np.uint8))
    path = tmp_path / 'out' / name
    path.parent.mkdir()
    path.write_text('old')
    monkeypatch.setattr('builtins.open', full)
    words = command.replace('IMAGES', f'{tmp_path}/images').split()
    done = call(*words, path)
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    assert f'No space is left on the disk for {tmp_path}/out/' in done.err
    assert os.listdir(path.parent) == [name] and path.read_text() == 'old'


def test_the_work_dir_of_a_config_is_tried_too(call, tmp_path):
    (tmp_path / 'file').write_text('mine')
    config = tmp_path / 'mine.py'
    config.write_text(f'_base_ = {str(DETECTOR)!r}\nwork_dir = "{tmp_path}/file"\n')
    refused(call, 'train', [config], 'say another place with --work-dir')


def test_the_table_beside_a_plot_is_tried_too(call, tmp_path):
    (tmp_path / 'a.csv').mkdir()
    words = ['--model', 'a', CLASSIFIER, 'X.pth', '--out', tmp_path / 'a.png']
    refused(call, 'occlusion', words, 'a.csv is a folder')


@pytest.mark.parametrize('text', ['a,b\n', 'my notes\n', '\x89PNG\0\0', 'a,b\n1,2\n'])
def test_a_table_of_something_else_is_not_written_over(call, tmp_path, text):
    path = tmp_path / 'a.csv'
    path.write_bytes(text.encode('latin-1'))
    words = [CLASSIFIER, '--work-dir', tmp_path / 'w', '--csv', path, '--collect']
    done = call('sweep', *words)
    assert done.code in (1, 2), done.said
    assert str(path) in done.err and 'Traceback' not in done.said
    assert path.read_bytes() == text.encode('latin-1')


def test_a_list_is_not_written_over_an_image(call, tmp_path):
    path = tmp_path / 'a.jpg'
    path.write_bytes(b'\xff\xd8\xff\xd9')
    words = [tmp_path, '--per-class', 1, path]
    refused(call, 'list-images', words, 'is there and no text file')


def test_one_file_is_not_written_twice(call, tmp_path):
    path = tmp_path / 'a.md'
    words = [tmp_path, '--out', path, '--csv', path]
    refused(call, 'tables', words, 'cannot be both of two files')


def test_what_can_be_written_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'there.txt').write_text('old')
    (tmp_path / 'link').symlink_to(tmp_path)
    for path in ('a.txt', 'new/folder/a.txt', 'there.txt', 'link/a.txt', './a'):
        assert why_not_writable(path) == ''
        assert path == 'there.txt' or why_not_writable(path, folder=True) == ''
    assert sorted(os.listdir(tmp_path)) == ['link', 'there.txt']
    (tmp_path / 'nowhere').symlink_to(tmp_path / 'gone')
    assert 'no folder' in why_not_writable('nowhere/a.txt')
    for path in ('', 'a\0b'):
        assert 'no name' in why_not_writable(path)


# ------------------------------------------------- one picture for each test image
def save_untrained(config, scope, path, **options):
    """A checkpoint of a config's model as it begins."""
    init_default_scope(scope)
    model = MODELS.build(load_config(str(config), options).model)
    torch.save(dict(state_dict=model.state_dict()), path)


def test_painted_images_of_one_name_are_all_there(call, tmp_path):
    root = tmp_path / 'data'
    for i, name in enumerate(('train/a/1', 'train/b/1', 'test/a/1', 'test/b/1')):
        (root / name).parent.mkdir(parents=True)
        cv2.imwrite(f'{root / name}.jpg', np.full((32, 32, 3), 40 * i, np.uint8))
    config = 'resnet20_1xb128_image-folder'
    two = {'model.head.num_classes': 2}
    save_untrained(config, 'mmpretrain', tmp_path / 'any.pth', **two)
    words = ['--show-dir', tmp_path / 'painted', '--interval', 1]
    words += ['--work-dir', tmp_path / 'work', '--cfg-options', f'data_root={root}']
    words.append('model.head.num_classes=2')
    done = call('test', config, tmp_path / 'any.pth', *words)
    assert done.code == 0, done.said
    painted = sorted(p for p in (tmp_path / 'painted').rglob('*.png'))
    names = [str(path.relative_to(tmp_path / 'painted')) for path in painted]
    assert names == ['a/1.jpg_0.png', 'b/1.jpg_0.png']


def test_detections_on_images_of_one_name_are_all_there(call, tmp_path):
    for i, folder in enumerate(('left', 'right')):
        (tmp_path / f'JPEGImages/{folder}').mkdir(parents=True)
        (tmp_path / f'Annotations/{folder}').mkdir(parents=True)
        img = np.full((48, 64, 3), 40 * i, np.uint8)
        cv2.imwrite(str(tmp_path / f'JPEGImages/{folder}/1.jpg'), img)
        (tmp_path / f'Annotations/{folder}/1.xml').write_text(
            '<annotation><object><name>RBC</name><bndbox><xmin>5</xmin><ymin>5</ymin>'
            '<xmax>30</xmax><ymax>30</ymax></bndbox></object></annotation>'
        )
    (tmp_path / 'test.txt').write_text('left/1\nright/1\n')
    options = [
        '--cfg-options',
        f'data_root={tmp_path}/',
        'test_list=test.txt',
        'test_dataloader.num_workers=0',
        'test_dataloader.persistent_workers=False',
    ]
    config = DETECTOR.parent / 'faster-rcnn_r18_fpn_scratch-8e_custom-voc.py'
    save_untrained(config, 'mmdet', tmp_path / 'any.pth')
    # A relative work dir, with which MMDetection's hook nests folders.
    work = os.path.relpath(tmp_path / 'work')
    words = ['--work-dir', work, '--show-dir', 'painted', *options]
    done = call('test', config, tmp_path / 'any.pth', *words)
    assert done.code == 0, done.said
    (painted,) = (tmp_path / 'work').glob('*/painted')
    names = sorted(str(p.relative_to(painted)) for p in painted.rglob('*.jpg'))
    assert names == ['left/1.jpg', 'right/1.jpg']
    assert not list((tmp_path / 'work').glob('*/work'))
