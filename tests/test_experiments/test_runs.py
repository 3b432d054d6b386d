"""Runs are real: a tiny classifier in processes of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from loma_mm.commands.experiment_arguments import job_command
from loma_mm.errors import BusyError, ResultsError, UsageError
from loma_mm.experiments import (
    Key,
    Result,
    Results,
    Run,
    collect,
    final_metrics,
    run_all,
    to_percent,
)
from loma_mm.running.options import parse_options
from loma_mm.running.work_dir import is_locked, locked
from tests.helpers import CLASSIFIER, ROOT

EPOCHS = 8


def epochs_in(log):
    return [int(epoch) for epoch in re.findall(r'Epoch\(train\) +\[(\d+)\]', log)]


@pytest.fixture(scope='module')
def killed(tiny_options, tmp_path_factory):
    """A run whose processes were killed at once, in a middle epoch."""
    folder = tmp_path_factory.mktemp('runs')
    # Each epoch is one iteration: log each.
    options = (
        *tiny_options,
        f'train_cfg.max_epochs={EPOCHS}',
        'default_hooks.logger.interval=1',
    )
    run = Run('digits/loma', str(CLASSIFIER), 3, str(folder), options)
    code = (
        'import sys; from loma_mm.experiments import *; '
        f'run_all([{run!r}], Results({str(folder / "r.csv")!r}), '
        ')'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code], cwd=ROOT, start_new_session=True
    )
    end = time.time() + 120
    while not os.path.exists(f'{run.work_dir}/epoch_2.pth'):
        assert time.time() < end and process.poll() is None
        time.sleep(0.02)
    # The bar and the training that it shows, as by a machine that goes down.
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # The training is gone when it has let go of its work dir.
    while is_locked(run.work_dir):
        assert time.time() < end
        time.sleep(0.02)
    return run, Results(str(folder / 'r.csv'))


@pytest.fixture(scope='module')
def finished(killed):
    run, results = killed
    assert final_metrics(run.work_dir) is None and results.read() == {}
    assert collect([run], results) == [run]
    with open(run.log) as file:
        before = file.read()
    assert run_all([run], results) == []
    with open(run.log) as file:
        return run, results, before, file.read()[len(before) :]


def test_a_killed_run_is_resumed(finished):
    _run, results, before, after = finished
    first, second = epochs_in(before), epochs_in(after)
    assert first[0] == 1 and first[-1] < EPOCHS
    # From the last checkpoint: an epoch may be done twice, none is left out.
    assert 2 <= second[0] <= first[-1] + 1
    assert second == list(range(second[0], EPOCHS + 1))
    accuracy = re.findall(r'accuracy/top1: ([\d.]+)', after)[-1]
    assert results.values('digits/loma', 'accuracy/top1') == {
        3: pytest.approx(float(accuracy))
    }
    loss = re.findall(r'Epoch\(train\).* loss: ([\d.]+)', after)[-1]
    assert results.values('digits/loma', 'loss') == {
        3: pytest.approx(float(loss), abs=1e-4)
    }


def test_results_outlive_work_dirs_and_are_not_trained_again(finished, tmp_path):
    run, results, _, _ = finished
    copy = Results(str(tmp_path / 'r.csv'))
    shutil.copy(results.path, copy.path)
    elsewhere = Run(run.name, run.config, run.seed, str(tmp_path / 'gone'))
    assert run_all([elsewhere], copy, ['not-called.py']) == []
    assert copy.read() == results.read()
    assert not (tmp_path / 'gone').exists()
    # Another seed is another run; another config under this name a mistake.
    assert not copy.has(Key(run.name, 4), run.config_name)
    with pytest.raises(ResultsError, match='give another --work-dir'):
        copy.has(Key(run.name, 3), 'other')


def test_a_run_stopped_before_its_validation_is_validated(finished, tmp_path):
    """All epochs are trained, the last checkpoint is there, no result is."""
    run, results, _, _ = finished
    again = Run(run.name, run.config, run.seed, str(tmp_path), run.options)
    shutil.copytree(run.work_dir, again.work_dir)
    for folder in os.scandir(again.work_dir):
        if folder.is_dir():
            shutil.rmtree(folder.path)
    with open(f'{again.work_dir}/last_checkpoint', 'w') as file:
        file.write(f'{again.work_dir}/epoch_{EPOCHS}.pth')
    new = Results(str(tmp_path / 'r.csv'))
    assert run_all([again], new) == []
    with open(again.log) as file:
        assert epochs_in(file.read()) == []
    # The training loss went with the logs.
    expected = {
        key: value for key, value in results.read().items() if 'loss' not in key
    }
    assert new.read() == expected and expected


def test_a_failure_is_a_sentence_and_stops_nothing(tiny_options, tmp_path, capsys):
    script = tmp_path / 'train.py'
    script.write_text(
        'import sys\nprint("hello")\nsys.exit(3 * ("randomness.seed=0" in sys.argv))\n'
    )
    runs = [Run('fails', str(CLASSIFIER), seed, str(tmp_path)) for seed in (0, 1)]
    problems = run_all(runs, Results(str(tmp_path / 'r.csv')), [str(script)])
    assert problems == [
        f'fails, seed 0 failed with exit code 3: see {runs[0].log}.',
        'fails, seed 1 ended without a validation of its last epoch: see '
        f'{runs[1].log}.',
    ]
    assert 'hello' in Path(runs[1].log).read_text()
    said = capsys.readouterr().out
    assert all(problem in said for problem in problems)
    assert '/2' not in said  # no progress bar: this is no terminal


def test_the_time_that_is_left_is_that_of_all_processes(tmp_path, capsys, monkeypatch):
    """What another process does is not done, and counts when it is."""
    table = tmp_path / 'r.csv'
    table.write_text('name,config,seed,metric,value\n')
    script = tmp_path / 'train.py'
    script.write_text(
        'import sys\n'
        'seed = int(sys.argv[-1].split("=")[1])\n'
        '# Meanwhile another process ends the run of seed 0.\n'
        'for done in (seed, 0)[: seed]:\n'
        f'    with open({str(table)!r}, "a") as file:\n'
        f'        file.write(f"r,{CLASSIFIER.stem},{{done}},accuracy/top1,50\\n")\n'
    )
    runs = [Run('r', str(CLASSIFIER), seed, str(tmp_path)) for seed in range(4)]
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True, raising=False)
    with locked(runs[0].work_dir), locked(runs[3].work_dir):
        problems = run_all(runs, Results(str(table)), [str(script)])
    assert len(problems) == 2
    shown = re.findall(r' (\d)/4, ', capsys.readouterr().out)
    # After seed 1, and after seed 2 with seed 0.
    assert list(dict.fromkeys(shown)) == ['0', '1', '3']


def test_two_processes_do_not_do_the_same_run(tmp_path):
    run = Run('one', str(CLASSIFIER), 0, str(tmp_path))
    results = Results(str(tmp_path / 'r.csv'))
    said = ['one, seed 0 is being done by another process.']
    with locked(run.work_dir):
        assert run_all([run], results, ['not-called.py']) == said
    # It began just after we looked, and the second one saw that.
    script = tmp_path / 'train.py'
    script.write_text('raise SystemExit(75)')
    assert run_all([run], results, [str(script)]) == said


def test_torchrun_hides_that_another_process_was_first(tmp_path, monkeypatch):
    """Its exit code is 1, whatever that of its processes."""
    run = Run('one', str(CLASSIFIER), 0, str(tmp_path))
    script = tmp_path / 'train.py'
    script.write_text('raise SystemExit(1)')
    seen = iter((False, True))
    monkeypatch.setattr('loma_mm.experiments.runs.is_locked', lambda _: next(seen))
    assert run_all([run], Results(str(tmp_path / 'r.csv')), [str(script)]) == [
        'one, seed 0 is being done by another process.'
    ]


def test_tasks_of_slurm_without_a_launcher_are_trainings_of_their_own(
    tmp_path, monkeypatch
):
    """As when srun starts the study once a GPU: none trains what another does."""
    monkeypatch.setenv('SLURM_PROCID', '1')
    with locked(str(tmp_path)):
        with pytest.raises(BusyError), locked(str(tmp_path)):
            pass
        # The second process of one training.
        monkeypatch.setenv('RANK', '1')
        with locked(str(tmp_path), 'slurm'):
            pass


def test_a_second_training_of_a_work_dir_is_refused(classifier_options, tmp_path, call):
    """Also of one whose parent was killed: the training itself holds it."""
    with locked(str(tmp_path)):
        called = call('train', CLASSIFIER, '--work-dir', tmp_path, *classifier_options)
    assert called.code == 75
    assert f'Another process trains in {tmp_path}' in called.err
    assert not list(tmp_path.glob('*.pth'))


def test_results_file(tmp_path):
    path = tmp_path / 'new' / 'r.csv'
    results = Results(str(path))
    assert results.read() == {}
    for seed in (10, 9):
        results.add(Key('b', seed), 'c', {'y': 73.19999694824219, 'x': 1})
    results.add(Key('a', 0), 'd', {'x': 0.5})
    # Of a run, what was measured before is gone.
    results.add(Key('b', 10), 'c', {'x': 2})
    assert path.read_text() == (
        'name,config,seed,metric,value\n'
        'a,d,0,x,0.5\n'
        'b,c,9,x,1\n'
        'b,c,9,y,73.2\n'
        'b,c,10,x,2\n'
    )
    assert results.values('b', 'x') == {9: 1, 10: 2}
    assert results.runs('b') == [{'x': 1, 'y': 73.2}, {'x': 2}]
    # Of checkpoints there may be many under one name, measured bit by bit.
    for metric, value in (('x', 3), ('z', 4)):
        results.add(Key('b', None, 'b.pth'), 'c', {metric: value})
    assert results.read()[Key('b', None, 'b.pth'), 'x'] == Result('c', 3)
    assert results.read()[Key('b', 9), 'y'] == Result('c', 73.2)
    assert path.read_text().splitlines()[0] == 'name,config,seed,metric,value,source'
    assert {'r.csv'} <= set(os.listdir(path.parent)) <= {'r.csv', 'r.csv.lock'}
    for text in ('a,b\n1,2\n', 'name,config,seed,metric,value\na,d,one,x,1\n'):
        path.write_text(text)
        with pytest.raises(ResultsError, match='is not a table of results'):
            results.read()


def test_percent():
    for metric in ('accuracy/top1', 'multi-label/mAP', 'retrieval/mAP@5', 'mIoU'):
        assert to_percent(metric, 93.5) == 93.5
    for metric in (
        'pascal_voc/mAP',
        'pascal_voc/AP/dog',
        'coco/bbox_mAP_50',
        'lvis/bbox_AP',
    ):
        assert to_percent(metric, 0.75) == 75


def test_processes_lose_no_results_of_each_other(tmp_path):
    path = str(tmp_path / 'r.csv')
    code = (
        'import sys; from loma_mm.experiments import *; '
        'print(flush=True); input(); '
        '[Results(sys.argv[1]).add(Key(sys.argv[2], seed), "c", '
        '{"x": seed}) for seed in range(100)]'
    )
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', code, path, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for name in 'abc'
    ]
    # All at once, when the last of them has imported what it needs.
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write(b'\n')
        process.stdin.flush()
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len(Results(path).read()) == 300
    assert sorted(os.listdir(tmp_path)) == ['r.csv', 'r.csv.lock']


def test_commands_for_clusters():
    run = Run('a/b', 'c.py', 2, 'root', ('x.y=(1,2)',))
    start = '-m loma_mm train c.py --work-dir root/a/b/seed2'
    rest = "--resume --cfg-options 'x.y=(1,2)' randomness.seed=2"
    assert job_command(run, 'python', 1, '') == f'python {start} {rest}'
    # As many processes as the batch size was checked for.
    assert job_command(run, 'python', 4, '') == (
        'python -m torch.distributed.run --standalone --nproc_per_node=4 -m loma_mm '
        f'train --launcher pytorch c.py --work-dir root/a/b/seed2 {rest}'
    )
    assert job_command(run, 'torchrun', 4, '') == (
        f'torchrun --nproc_per_node=4 {start} --launcher pytorch {rest}'
    )
    assert job_command(run, 'slurm', 16, 'gpu') == (
        'srun --partition=gpu --job-name=a-b-2 --gres=gpu:8 --ntasks=16 '
        '--ntasks-per-node=8 --cpus-per-task=5 --kill-on-bad-exit=1 '
        f'python -u {start} --launcher slurm {rest}'
    )


def test_options():
    assert parse_options(('a.b=1', 'c=(1,2.5)', 'd=[x,y]')) == {
        'a.b': 1,
        'c': (1, 2.5),
        'd': ['x', 'y'],
    }
    assert parse_options(()) == {}
    with pytest.raises(UsageError):
        parse_options(('a',))
