import os
import warnings

import pytest
import torch

from loma_mm.errors import LomaWarning
from loma_mm.running.resume import is_whole, latest_checkpoint
from tests.helpers import CLASSIFIER

PROGRESS = dict(meta={}, message_hub={}, optimizer={})


@pytest.fixture
def three(tmp_path):
    """Checkpoints, of which the last is cut off."""
    paths = [tmp_path / f'epoch_{i}.pth' for i in (1, 2, 3)]
    for i, path in enumerate(paths):
        torch.save(dict(PROGRESS, state_dict=torch.rand(1000)), path)
        if i == 2:
            path.write_bytes(path.read_bytes()[:-1000])
        os.utime(path, (i, i))
    return paths


def latest(folder, hook=None):
    """What is taken, and what is said of it."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        path = latest_checkpoint(str(folder), hook)
    assert all(issubclass(note.category, LomaWarning) for note in said)
    return path, ''.join(str(note.message) for note in said)


def test_the_newest_whole_checkpoint(three, tmp_path):
    """A kill between deleting the old one and writing the new, and others."""
    one, two, cut = map(str, three)
    assert is_whole(two) and not is_whole(cut)
    goes_on = f', so no training can go on from there: it goes on from {two}.'
    assert latest(tmp_path) == (two, f'{cut} is not whole{goes_on}')
    gone, moved = str(tmp_path / 'gone.pth'), '/elsewhere/epoch_1.pth'
    for pointer, expected in (
        (one, (one, '')),  # MMEngine's word counts
        (f'{one}\n', (one, '')),
        (cut, (two, f'{cut} is not whole{goes_on}')),
        (gone, (two, f'{gone} is not there, {cut} is not whole{goes_on}')),
        ('', (two, f'{cut} is not whole{goes_on}')),
        # A machine that went down leaves zeros.
        ('\0' * 60, (two, f'{cut} is not whole{goes_on}')),
        ('x' * 9000, (two, f'{cut} is not whole{goes_on}')),
        # The folder was moved.
        (moved, (one, f'{moved} is not there{goes_on.replace(two, one)}')),
    ):
        (tmp_path / 'last_checkpoint').write_text(pointer)
        path, said = latest(tmp_path)
        assert path == expected[0]
        assert said == expected[1] or (len(pointer) > 8000 and said.endswith(goes_on))


def test_a_copy_of_a_work_dir(three, tmp_path):
    """It goes on from its own checkpoint; the other run may have gone on since."""
    one, *_ = three
    copy = tmp_path / 'copy'
    copy.mkdir()
    (copy / one.name).write_bytes(one.read_bytes())
    (copy / 'last_checkpoint').write_text(str(one))
    assert latest(copy) == (str(copy / one.name), '')
    # A checkpoint hook may have another folder.
    (copy / one.name).unlink()
    assert latest(copy) == (str(one), '')


@pytest.mark.parametrize(
    'other',
    ['model.backbone.backbone.depth=14', 'optim_wrapper.optimizer.type=Adam'],
)
def test_a_checkpoint_of_another_training(call, tiny_options, tmp_path, other):
    """Another model or optimizer was a trace of PyTorch's."""
    words = ['train', CLASSIFIER, '--work-dir', tmp_path, '--cfg-options']
    words += [*tiny_options, 'model.backbone.backbone.depth=8']
    if 'Adam' in other:
        # What they have in common.
        config = tmp_path / 'config.py'
        config.write_text(
            f"_base_ = '{CLASSIFIER}'\n"
            'optimizer = dict(_delete_=True, type="SGD", lr=0.1)\n'
            'optim_wrapper = dict(optimizer=optimizer)\n'
        )
        words[1] = config
        words.append('train_cfg.max_epochs=1')
        assert call(*words).code == 0
        config.write_text(config.read_text().replace('SGD', 'Adam'))
        done = call(*words[:-1], 'train_cfg.max_epochs=2', 'resume=True')
    else:
        assert call(*words, 'train_cfg.max_epochs=1').code == 0
        done = call(*words, 'train_cfg.max_epochs=2', 'resume=True', other)
    assert done.code == 1 and 'Traceback' not in done.said, done.said
    assert 'epoch_1.pth was saved by a training with another model' in done.err


@pytest.mark.parametrize(
    ('hook', 'place'),
    [
        (dict(out_dir='{tmp}/out'), 'out/work/epoch_{}.pth'),
        (dict(filename_tmpl='at_{:04d}.pt'), 'work/at_000{}.pt'),
        (dict(filename_tmpl='deeper/{}.pth'), 'work/deeper/{}.pth'),
    ],
)
def test_where_the_hook_puts_them(three, tmp_path, hook, place):
    """The last one is cut off: no other was looked for, and training began anew."""
    hook = {key: value.replace('{tmp}', str(tmp_path)) for key, value in hook.items()}
    for i, path in enumerate(three, 1):
        there = tmp_path / place.format(i)
        there.parent.mkdir(parents=True, exist_ok=True)
        path.rename(there)
    (tmp_path / 'work').mkdir(exist_ok=True)
    (tmp_path / 'work/last_checkpoint').write_text(str(there))
    # What a killed save left.
    (there.parent / f'.{there.stem}.part-x{there.suffix}').write_bytes(b'')
    path, said = latest(tmp_path / 'work', hook)
    assert path == str(tmp_path / place.format(2))
    assert f'{there} is not whole' in said and 'part-' not in said


def test_nothing_is_whole(three, tmp_path):
    assert latest(tmp_path / 'new') == (None, '')
    for path in three[:2]:
        path.write_bytes(b'')
    path, said = latest(tmp_path)
    assert path is None
    assert said.count('is not whole') == 3 and said.endswith(' there: it begins anew.')


def test_weights_alone_are_passed_over(three, tmp_path):
    """As of the best epoch, which may be newer than what training goes on from."""
    _, two, cut = three
    best = tmp_path / 'best_accuracy_epoch_2.pth'
    torch.save(dict(meta={}, message_hub={}, state_dict={}), best)
    path, said = latest(tmp_path)
    assert path == str(two)
    assert f'{best} has no optimizer, {cut} is not whole, so no training' in said
    # Where there is nothing else, whoever loads it says what it is good for.
    for path in three:
        path.unlink()
    assert latest(tmp_path) == (str(best), '')
