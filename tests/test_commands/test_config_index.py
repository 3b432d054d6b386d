import pytest

from loma_mm.commands import config_index
from loma_mm.errors import ResultsError
from tests.helpers import ROOT, run_command

CONFIGS = ROOT / 'configs'


def test_index_is_up_to_date():
    run_command('config-index', '--check')


def test_every_config_is_listed():
    index = (CONFIGS / 'README.md').read_text(encoding='utf-8')
    for path in CONFIGS.glob('[!_]*/*.py'):
        assert f']({path.relative_to(CONFIGS).as_posix()})' in index


def test_rows_of_the_paper():
    """As many as its tables have; Figure 6's are our grid."""
    rows = config_index.read_rows(CONFIGS)
    assert len({(row.part, row.row) for row in rows}) == len(rows)
    count = dict.fromkeys(config_index.PARTS, 0)
    for row in rows:
        count[row.part] += 1
    assert count == {
        'Table 1': 42,
        'Table 2': 7,
        'Table 3': 4,
        'Table 4': 4,
        'Table 5': 7,
        'Table 6': 8,
        'Table 7': 6,
        'Figure 6': 12,
        'Image folder': 6,
    }


def test_out_of_date(tmp_path, monkeypatch, call):
    monkeypatch.setattr(config_index, 'configs_folder', lambda: tmp_path)
    (tmp_path / 'paper_results.csv').write_text('part,row,config,paper\n')
    called = call('config-index', '--check')
    assert called.code == 1 and 'README.md is out of date: run ' in called.err
    assert call('config-index').code == 0
    assert call('config-index', '--check').code == 0


def test_index_says_what_is_wrong(tmp_path):
    head = 'part,row,config,paper\n'
    csv = tmp_path / 'paper_results.csv'
    csv.write_text(head + 'Table 9,Baseline,a/b.py,1\n')
    with pytest.raises(ResultsError, match="a row of 'Table 9'"):
        config_index.make_index(tmp_path)
    csv.write_text(head + 'Table 1,Baseline,a/b.py,1\n')
    with pytest.raises(ResultsError, match='a/b.py, which does not exist'):
        config_index.make_index(tmp_path)
    (tmp_path / 'a').mkdir()
    (tmp_path / 'a' / 'b.py').touch()
    (tmp_path / 'a' / 'c.py').write_text('# A demo. Quick.\nx = 1\n')
    index = config_index.make_index(tmp_path)
    assert '| Baseline | [b](a/b.py) | 1 |' in index
    assert '| [c](a/c.py) | A demo |' in index
