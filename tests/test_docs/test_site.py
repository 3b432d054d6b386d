"""The site is built without a warning, its notebook runs, its list is current."""

import importlib.util
import re
import sys

import pytest

from tests.helpers import ROOT, run_python

NOTEBOOK = ROOT / 'docs' / 'loma_mm.ipynb'


def needs(*modules):
    """Skip where what ``make docs`` installs is not there."""
    missing = [name for name in modules if not importlib.util.find_spec(name)]
    return pytest.mark.skipif(bool(missing), reason=f'needs {missing}: make docs')


def test_every_message_is_on_the_page_of_errors():
    done = run_python('docs/make_errors.py', '--check', check=False)
    assert done.returncode == 0, done.stdout


def test_messages_are_read_from_code():
    sys.path.insert(0, str(ROOT / 'docs'))
    try:
        import make_errors
    finally:
        sys.path.pop(0)
    tree = make_errors.ast.parse(
        "raise DataError(f'{path} is no image: ' 'take another.')\n"
        "warnings.warn('note', LomaWarning)\n"
        "warnings.warn('other', UserWarning)\n"
        "Finding(WRONG, 'bad', 'mend it')\nFinding(FINE, 'good')\n"
        "raise KeyError('a')\n"
    )
    assert sorted(make_errors.messages(tree)) == [
        ('DataError', '… is no image: take another.'),
        ('Finding', 'bad — mend it'),
        ('LomaWarning', 'note'),
    ]


@pytest.mark.slow
@needs('sphinx', 'myst_nb', 'furo')
def test_the_site_has_every_page_and_no_warning(tmp_path):
    site = tmp_path / 'site'
    run_python(
        *('-m', 'sphinx', '-q', '-W', '--keep-going', '-b', 'html', '-c', 'docs'),
        *('-d', tmp_path / 'doctrees', '.', site),
    )
    for page in ROOT.glob('docs/*.md'):
        assert (site / 'docs' / f'{page.stem}.html').is_file()
    api = (site / 'docs' / 'api.html').read_text()
    import loma_mm
    import loma_mm.engine
    import loma_mm.evaluation
    import loma_mm.functional

    for module in (
        loma_mm,
        loma_mm.functional,
        loma_mm.engine,
        loma_mm.evaluation,
        loma_mm.errors,
    ):
        names = getattr(module, '__all__', None) or vars(module)
        for name in names:
            if name[0] != '_' and name != 'OCCLUSIONS':
                assert re.search(rf'id="loma_mm[\w.]*\.{name}"', api), name
    # No page loads anything from elsewhere.
    for page in site.rglob('*.html'):
        assert not re.search(
            r'<(script|link|img)[^>]+(src|href)="https?:', page.read_text()
        )


def test_the_notebook_keeps_what_it_printed():
    import json

    cells = json.loads(NOTEBOOK.read_text())['cells']
    code = [cell for cell in cells if cell['cell_type'] == 'code']
    counts = [cell['execution_count'] for cell in code]
    assert counts == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell['outputs']]
    assert not [one for one in outputs if one['output_type'] == 'error']
    assert sum('image/jpeg' in one.get('data', {}) for one in outputs) == 3
    assert NOTEBOOK.stat().st_size < 1e6


@pytest.mark.slow
@needs('nbclient', 'ipykernel')
def test_the_notebook_runs_and_prints_the_same(monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv('PYTHONPATH', str(ROOT))
    kept = nbformat.read(NOTEBOOK, 4)
    again = nbformat.read(NOTEBOOK, 4)
    NotebookClient(
        again, timeout=120, resources={'metadata': {'path': str(ROOT / 'docs')}}
    ).execute()

    def texts(notebook):
        return [
            output.get('text') or output['data'].get('text/plain')
            for cell in notebook.cells
            for output in cell.get('outputs', ())
        ]

    assert texts(again) == texts(kept)
