"""How Sphinx makes the site: make docs.

The source is the whole clone, so that every link of the Markdown pages holds on
the site as it does in a viewer of files.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import loma_mm  # noqa: E402

# mmcv's operators, of which mmdet's modules ask as they are imported.
import loma_mm.mmcv_ops  # noqa: E402

project = 'loma_mm'
author = 'loma_mm contributors'
release = version = loma_mm.__version__
copyright = author

root_doc = 'docs/index'
include_patterns = [
    'docs/*.md',
    'docs/*.ipynb',
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'configs/README.md',
]
extensions = [
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx.ext.viewcode',
    # equations without another server
    'sphinx-mathjax-offline',
]
nitpicky = False

myst_enable_extensions = ['dollarmath']
# Links to a heading are checked too.
myst_heading_anchors = 3
suppress_warnings = [
    # a page may begin below its first level, as a list of changes does
    'myst.header',
]

# The notebook keeps what it printed when it was run.
nb_execution_mode = 'off'

napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
autodoc_typehints = 'none'
autodoc_member_order = 'groupwise'

html_theme = 'furo'
html_title = f'loma_mm {release}'
html_static_path: list[str] = []
html_copy_source = False


def _list_the_rest(app, docname, source):
    """Put pages that the first page does not name into its last list."""
    if docname == root_doc:
        named = set(source[0].split())
        pages = {path.stem for path in ROOT.glob('docs/*.md')} - {'index'} - named
        source[0] = source[0].replace(
            'study\n', '\n'.join(['study', *sorted(pages), ''])
        )


def setup(app):
    """Called by Sphinx."""
    app.connect('source-read', _list_the_rest)
