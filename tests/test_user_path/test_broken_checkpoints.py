"""A checkpoint that is none, or not whole, is a sentence in every command."""

import copy

import pytest
import torch

from tests.helpers import CLASSIFIER

from .checkpoints import LATEST, WAYS, sentence

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')


def cut(path, contents):
    torch.save(contents, path)
    path.write_bytes(path.read_bytes()[:9999])


def cut_legacy(path, contents):
    torch.save(contents, path, _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:-9])


def writes(data):
    return lambda path, contents: path.write_bytes(data)


def absent(path, contents):
    path.unlink(missing_ok=True)


def holds(anything):
    return lambda path, contents: torch.save(anything, path)


LFS = b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n'
ZIPPED = b'PK\x05\x06' + 18 * b'\0'
# How each is written, and what is said of it after its name.
BROKEN = {
    'cut off': (cut, ' is cut off: '),
    'cut off, old': (cut_legacy, ' is a checkpoint that cannot be read (unexpected'),
    'empty': (writes(b''), ' is empty: copy or download it again'),
    'text': (writes(b'hello\n'), ' is a text file and no checkpoint: name the file'),
    'page': (writes(b'\n<!DOCTYPE html><p>'), ' is a web page and no checkpoint: '),
    'pointer': (
        writes(LFS),
        ' is a pointer of Git LFS and not the checkpoint: git lfs',
    ),
    'picture': (writes(b'\x89PNG\r\n\x1a\n\0'), ' is no file of PyTorch: name the'),
    'absent': (absent, ': name one.'),
    'list': (holds([1]), ' holds a list and no weights: save dict(state_dict='),
    'other': (
        holds(dict(model={}, epoch=1)),
        ' has no state_dict, it has model, epoch',
    ),
    'archive': (writes(b'PK\x03\x04' + ZIPPED), ' is an archive that PyTorch did not'),
}


@pytest.mark.parametrize(
    ('way', 'kind'),
    [('test', kind) for kind in BROKEN]
    + [
        (way, kind) for way in WAYS if way not in LATEST for kind in ('cut off', 'page')
    ],
)
def test_a_broken_checkpoint_is_a_sentence(enter, way, kind):
    write, says = BROKEN[kind]
    done, _, out = enter(way, write=write)
    assert done.code == 1, done.said
    assert f'evil.pth{says}' in sentence(done)
    if way == 'address':
        assert 'remove it, and it is downloaded again.' in sentence(done)
    assert not out.exists() or way in ('Pretrained', 'address')


def test_a_folder_is_no_checkpoint(call, place):
    done = call('test', place.folder / 'mine.py', place.folder / 'work')
    assert done.code == 1
    assert f'{place.folder}/work is a folder: name a checkpoint of' in sentence(done)
    assert 'which has best_accuracy_top1_epoch_1.pth, epoch_1.pth.' in sentence(done)


@pytest.mark.parametrize('words', [['--resume='], ['--cfg-options', 'load_from=']])
def test_an_empty_name(call, tmp_path, words):
    """Of a variable of a shell that was not set."""
    done = call('train', CLASSIFIER, '--work-dir', tmp_path / 'out', *words)
    assert done.code == 1
    assert sentence(done).startswith("There is no checkpoint '': name one")
    assert not (tmp_path / 'out').exists()


def test_a_download_that_fails_says_where_to_put_the_file(enter):
    done, *_ = enter('address', write=absent)
    assert done.code == 1
    assert 'evil.pth could not be downloaded (File not found): fetch' in sentence(done)
    assert sentence(done).endswith('/home/hub/checkpoints/evil.pth.')


def test_weights_alone_are_nothing_to_go_on_from(enter):
    def write(path, contents):
        torch.save(contents['state_dict'], path)

    done, _, out = enter('resume', write=write)
    assert done.code == 1 and not out.exists()
    assert 'has weights and no meta and no message_hub and no optimizer' in done.err
    assert f'load_from={sentence(done).split()[0]} in place of --resume' in done.err
    assert enter('draw-feature-maps', write=write)[0].code == 0


@pytest.mark.parametrize(('way', 'prefix'), [('load_from', ''), ('test', 'module.')])
def test_weights_alone_are_averaged_too(enter, monkeypatch, way, prefix):
    """By MMPretrain's EMAHook, which looks for a state_dict."""
    average, weights = {}, {}

    def write(path, contents):
        weights.update(contents['state_dict'])
        torch.save({f'{prefix}{name}': x for name, x in weights.items()}, path)

    def load(hook, runner, checkpoint):
        loaded(hook, runner, checkpoint)
        average.update(copy.deepcopy(hook.ema_model.module.state_dict()))

    hooks = pytest.importorskip('mmpretrain.engine')
    loaded = hooks.EMAHook.after_load_checkpoint
    monkeypatch.setattr(hooks.EMAHook, 'after_load_checkpoint', load)
    done, *_ = enter(way, write=write)
    assert done.code == 0, done.said
    assert average and all(torch.equal(x, weights[k]) for k, x in average.items())


@pytest.mark.parametrize(
    ('way', 'pointer'),
    zip(LATEST * 2, [b'', b'/gone/epoch_9.pth', b'\0\0', b'\xff\xfe']),
)
def test_the_newest_whole_one_is_taken(enter, way, pointer):
    """Where the pointer leads nowhere, and the last one is cut off."""

    def write(path, contents):
        torch.save(contents, path)
        (path.parent / 'last_checkpoint').write_bytes(pointer)
        cut(path.parent / 'epoch_2.pth', contents)

    done, _, out = enter(way, write=write)
    assert done.code == 0 and 'resumed epoch: 1' in done.said, done.said
    assert f'{out}/epoch_2.pth is not whole, so no training can go on from' in done.err
    assert f'from there: it goes on from {out}/epoch_1.pth.' in done.err
    assert pointer[:1] != b'/' or 'Note: /gone/epoch_9.pth is not there, ' in done.err
