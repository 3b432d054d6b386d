"""Every option of every command: it does its work, or says what is wrong.

Words are typed in this process. Where a command would train, its data is not
there, so that it ends before it starts.
"""

import argparse
import contextlib
import importlib
import io
import os

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loma_mm.__main__ import COMMANDS, main
from tests.helpers import CLASSIFIER, DETECTOR, probe_here

PICTURE = 'out.png'
# The words without which a command says nothing but its usage, and what is not
# changed: huge datasets are no mistake.
TYPED = {
    'doctor': ((), ()),
    'prepare': (('data', '--out', 'prepared'), ()),
    'train': ((CLASSIFIER, '--cfg-options', 'data_root=none'), ('launcher',)),
    'test': ((CLASSIFIER, 'net.pth', '--cfg-options', 'data_root=none'), ('launcher',)),
    'browse': ((CLASSIFIER, '--out', PICTURE), ()),
    'detect': ((DETECTOR, 'net.pth', '--out', PICTURE), ()),
    'configs': ((), ()),
    'draw-loma': (('--out', PICTURE, '--image', 'data/a/1.png', '--rows', 'image'), ()),
    'draw-feature-maps': (('--out', PICTURE, '--image', 'data/a/1.png'), ()),
    'draw-cam': (('--out', PICTURE, '--model', 'A', CLASSIFIER, 'net.pth'), ()),
    'sweep': ((CLASSIFIER, '--commands', 'python', '--p', '0.1'), ('commands',)),
    'occlusion': (('--out', PICTURE, '--model', 'A', CLASSIFIER, 'net.pth'), ()),
    'tables': (('data',), ()),
    'study': (('--commands', 'python'), ('commands',)),
    'make-digits': (
        ('voc', 'digits', '--train', '1', '--test', '1', '--size', '48'),
        ('train', 'test', 'size'),
    ),
    'list-images': (('data', 'list.txt', '--per-class', '1'), ()),
    # Without --check it writes into this tree.
    'config-index': (('--check',), ()),
}
# A page that plays is there until it is stopped: test_commands/test_play.py.
LEFT_OUT = {'play'}

WORDS = (
    *('', ' ', 'a', '0', '1', '-1', '0.5', '1e400', '-0', 'nan', 'inf', '-inf'),
    *('2', '3', '4294967295', '4294967296', '99999999999999999999', '1_0', '١', '½'),
    *('none', 'data', 'data/a/1.png', 'data/empty.png', 'data/text.txt', 'net.pth'),
    *('out.png', 'out.xyz', 'new/out.svg', 'data/text.txt/x.png', '.', './', 'é.png'),
    *('x=1', 'x', '=', 'x=', '=1', 'a.b.c=[1', 'model.depth=x', 'model=1', 'x=(1,'),
    *('data_root=', 'train_dataloader=1', 'model.backbone.type=None', 'layer9'),
    *(
        'rhombus',
        'image',
        'python',
        'cifar10',
        'a\nb',
        '%s',
        '{}',
        "'",
        '\\',
        '*',
        '💥',
    ),
    *(CLASSIFIER.stem, str(CLASSIFIER), 'resnet20', 'layer2', 'center', 'voc'),
)
words = st.sampled_from(WORDS) | st.text(
    st.characters(codec='utf-8', exclude_characters='/\0'), max_size=5
).filter(lambda text: '..' not in text)


def options_of(command):
    """The options of a command, from its own parser."""
    parser = argparse.ArgumentParser()
    module = importlib.import_module(f'loma_mm.commands.{COMMANDS[command][0]}')
    module.add_arguments(parser)
    _, kept = TYPED[command]
    return [
        action
        for action in parser._actions
        if action.option_strings and action.dest not in (*kept, 'help', 'show')
    ]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two images, and files that are none."""
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp('typed')
    for name in ('a/1.png', 'b/2.png'):
        (folder / 'data' / name).parent.mkdir(parents=True)
        cv2.imwrite(str(folder / 'data' / name), np.full((20, 24, 3), 90, np.uint8))
    for name in ('data/empty.png', 'net.pth'):
        (folder / name).touch()
    (folder / 'data/text.txt').write_text('no image\n')
    return folder


@pytest.fixture(scope='module', autouse=True)
def doctor_in_this_process():
    """Where the packages are imported already: once, and each config."""
    with pytest.MonkeyPatch.context() as patch:
        # The probe sets it.
        patch.setenv('LOMA_DOCTOR_CONFIG', '')
        patch.setattr('loma_mm.doctor.checks.probe', probe_here())
        yield


def type_words(command, typed):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([command, *map(str, typed)])
    return code, out.getvalue(), err.getvalue()


def test_no_command_is_forgotten():
    assert {*TYPED, *LEFT_OUT} == {*COMMANDS}


@pytest.mark.parametrize('command', TYPED)
@hypothesis.settings(
    max_examples=max(hypothesis.settings.default.max_examples // 10, 5)
)
@given(data=st.data())
def test_options(command, folder, data):
    typed = list(TYPED[command][0])
    for action in data.draw(
        st.lists(
            st.sampled_from(options_of(command)), max_size=2, unique_by=lambda a: a.dest
        )
    ):
        typed.append(max(action.option_strings, key=len))
        if action.nargs != 0:
            count = action.nargs if isinstance(action.nargs, int) else 1
            typed += data.draw(st.lists(words, min_size=count, max_size=count + 1))
    positional = [
        i
        for i, word in enumerate(TYPED[command][0])
        if word in (CLASSIFIER, DETECTOR, 'data', 'net.pth')
    ]
    if positional and data.draw(st.integers(0, 4)) == 0:
        typed[data.draw(st.sampled_from(positional))] = data.draw(words)
    before = os.getcwd()
    os.chdir(folder)
    try:
        code, out, err = type_words(command, typed)
    finally:
        os.chdir(before)
    assert code in (0, 1, 2, 75), (code, err)
    if code:
        assert err.strip(), typed
        # A sentence, not a trace.
        assert 'Traceback' not in err + out, err
        assert len(err.strip().splitlines()[-1]) < 2000
    # A check of the doctor that failed itself.
    assert 'cannot be checked' not in out, out
