"""What the package never calls: text becomes no code, and no name can be guessed."""

import ast

import pytest

from tests.helpers import ROOT

FILES = sorted([*ROOT.glob('loma_mm/**/*.py'), *ROOT.glob('tools/*.py')])
# A config may have these, which is code.
NEVER = {
    *('eval', 'exec', 'compile', '__import__'),
    *('os.system', 'os.popen', 'subprocess.getoutput', 'subprocess.getstatusoutput'),
    *('tempfile.mktemp', 'tempfile.gettempdir'),
    *('pickle.load', 'pickle.loads', 'torch.load', 'marshal.loads', 'shelve.open'),
    *('yaml.load', 'yaml.unsafe_load', 'joblib.load', 'runpy.run_path'),
}


def found(source):
    """What of that is in a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in NEVER:
                yield called
            for keyword in node.keywords:
                # Anything but a False that can be read.
                if keyword.arg in ('shell', 'allow_pickle') and not (
                    isinstance(keyword.value, ast.Constant) and not keyword.value.value
                ):
                    yield keyword.arg
        elif isinstance(node, ast.Constant) and str(node.value).startswith('/tmp'):
            yield node.value


@pytest.mark.parametrize(
    'source',
    [
        'eval(text)',
        'import os\nos.system("ls " + name)',
        'subprocess.run(words, shell=True)',
        'np.load(path, allow_pickle=allow)',
        'open("/tmp/loma_mm.lock", "w")',
    ],
)
def test_it_would_be_found(source):
    assert list(found(source))


def test_no_module_has_it():
    assert len(FILES) > 100
    all_found = {
        path.relative_to(ROOT).as_posix(): list(found(path.read_text()))
        for path in FILES
    }
    assert {path: what for path, what in all_found.items() if what} == {}


def test_the_readme_says_that_a_config_is_code():
    text = ' '.join((ROOT / 'README.md').read_text().split())
    assert 'A config is code: MMEngine runs it. Take configs from people' in text
