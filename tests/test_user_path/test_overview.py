"""python -m loma_mm without a command, and with one that is not there."""

import pytest

from loma_mm import __version__
from loma_mm.__main__ import COMMANDS
from loma_mm.commands import configs


def test_help_names_every_command(call):
    done = call('--help')
    assert done.code == 0 and not done.err
    assert [line.split()[0] for line in done.out.splitlines() if line[:2] == '  '] == [
        *COMMANDS
    ]


def test_the_version(call):
    done = call('--version')
    assert (done.code, done.out) == (0, f'loma_mm {__version__}\n')


def test_a_command_that_is_not_there(call):
    done = call('trian', 'mine.py')
    assert done.code == 2 and not done.out
    assert done.err.endswith("There is no command 'trian'.\n")
    assert call().code == 2


def test_ctrl_c_is_a_word_and_no_trace(call, monkeypatch):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(configs, 'run', interrupt)
    done = call('configs')
    assert (done.code, done.err) == (130, '\nStopped.\n')


@pytest.mark.parametrize(
    ('words', 'code', 'said'),
    [
        (('configs', 'nosuchword'), 1, 'nosuchword'),
        (('make-digits', 'voc', 'out', '--size', 20), 2, 'at least 48'),
        (
            ('detect', 'resnet20_1xb64-loma-if-fo_digits', 'x.pth', '--out', 'x.png'),
            1,
            'detector',
        ),
    ],
)
def test_what_a_command_cannot_do_is_a_sentence(call, words, code, said):
    done = call(*words)
    assert done.code == code and said in done.err, done.err
    assert 'Traceback' not in done.err
