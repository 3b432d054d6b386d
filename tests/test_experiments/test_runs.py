"""Runs are real: a tiny classifier in processes of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from loma_mm.engine.experiment_cli import job_command, parse_options
from loma_mm.engine.experiments import Results, Run, collect, final_metrics, run_all
from tests.conftest import CLASSIFIER, ROOT

SCRIPT = str(ROOT / 'tools' / 'train.py')
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
        'import sys; from loma_mm.engine.experiments import *; '
        f'run_all([{run!r}], Results({str(folder / "r.csv")!r}), '
        f'{SCRIPT!r})'
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
    return run, Results(str(folder / 'r.csv'))


@pytest.fixture(scope='module')
def finished(killed):
    run, results = killed
    assert final_metrics(run.work_dir) is None and results.read() == {}
    assert collect([run], results) == [run]
    with open(run.log) as file:
        before = file.read()
    assert run_all([run], results, SCRIPT) == []
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


def test_results_outlive_work_dirs_and_are_not_trained_again(finished, tmp_path):
    run, results, _, _ = finished
    copy = Results(str(tmp_path / 'r.csv'))
    shutil.copy(results.path, copy.path)
    elsewhere = Run(run.name, run.config, run.seed, str(tmp_path / 'gone'))
    assert run_all([elsewhere], copy, 'not-called.py') == []
    assert copy.read() == results.read()
    assert not (tmp_path / 'gone').exists()
    # Another seed is another run; another config under this name a mistake.
    assert not copy.has(Run(run.name, run.config, 4, run.root))
    with pytest.raises(SystemExit, match='give another --work-dir'):
        copy.has(Run(run.name, 'other.py', 3, run.root))


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
    assert run_all([again], new, SCRIPT) == []
    with open(again.log) as file:
        assert epochs_in(file.read()) == []
    assert new.read() == results.read()


def test_a_failure_is_a_sentence_and_stops_nothing(tiny_options, tmp_path, capsys):
    script = tmp_path / 'train.py'
    script.write_text(
        'import sys\nprint("hello")\nsys.exit(3 * ("randomness.seed=0" in sys.argv))\n'
    )
    runs = [Run('fails', str(CLASSIFIER), seed, str(tmp_path)) for seed in (0, 1)]
    problems = run_all(runs, Results(str(tmp_path / 'r.csv')), str(script))
    assert problems == [
        f'fails, seed 0 failed with exit code 3: see {runs[0].log}.',
        'fails, seed 1 ended without a validation of its last epoch: see '
        f'{runs[1].log}.',
    ]
    assert 'hello' in open(runs[1].log).read()
    said = capsys.readouterr().out
    assert all(problem in said for problem in problems)
    assert ' 2/2' in said  # the progress bar


def test_two_processes_do_not_do_the_same_run(tmp_path):
    run = Run('one', str(CLASSIFIER), 0, str(tmp_path))
    script = tmp_path / 'train.py'
    script.write_text('import time\ntime.sleep(60)\n')
    results = Results(str(tmp_path / 'r.csv'))
    # What a killed parent leaves: the training process and its lock.
    code = (
        'import fcntl, subprocess, sys; log = open(sys.argv[1], "a"); '
        'fcntl.flock(log, fcntl.LOCK_EX); child = subprocess.Popen('
        '[sys.executable, sys.argv[2]], stdout=log); print(child.pid)'
    )
    os.makedirs(tmp_path / 'one')
    pid = int(
        subprocess.check_output([sys.executable, '-c', code, run.log, str(script)])
    )
    try:
        assert run_all([run], results, str(script)) == [
            'one, seed 0 is being done by another process.'
        ]
    finally:
        os.kill(pid, signal.SIGKILL)


def test_the_checkpoint_that_was_lost(tmp_path):
    """A kill between deleting the old checkpoint and writing the new."""
    run = Run('one', str(CLASSIFIER), 0, str(tmp_path))
    os.makedirs(run.work_dir)
    pointer = tmp_path / 'one/seed0/last_checkpoint'
    pointer.write_text(str(tmp_path / 'one/seed0/epoch_1.pth'))
    script = tmp_path / 'train.py'
    script.write_text('')
    run_all([run], Results(str(tmp_path / 'r.csv')), str(script))
    assert not pointer.exists()
    (tmp_path / 'one/seed0/epoch_1.pth').touch()
    pointer.write_text(str(tmp_path / 'one/seed0/epoch_1.pth'))
    run_all([run], Results(str(tmp_path / 'r.csv')), str(script))
    assert pointer.exists()


def test_results_file(tmp_path):
    results = Results(str(tmp_path / 'new' / 'r.csv'))
    assert results.read() == {}
    for seed in (10, 9):
        results.add(
            Run('b', 'configs/c.py', seed, '.'), {'y': 73.19999694824219, 'x': 1}
        )
    results.add(Run('a', 'd.py', 0, '.'), {'x': 0.5})
    results.add(Run('b', 'configs/c.py', 10, '.'), {'x': 2})
    assert open(results.path).read() == (
        'name,config,seed,metric,value\n'
        'a,d,0,x,0.5\n'
        'b,c,9,x,1\n'
        'b,c,9,y,73.2\n'
        'b,c,10,x,2\n'
    )
    assert results.values('b', 'x') == {9: 1, 10: 2}
    assert sorted(os.listdir(tmp_path / 'new')) == ['r.csv', 'r.csv.lock']
    for text in ('a,b\n1,2\n', 'name,config,seed,metric,value\na,d,one,x,1\n'):
        (tmp_path / 'new' / 'r.csv').write_text(text)
        with pytest.raises(SystemExit, match='is not a table of results'):
            results.read()


def test_processes_lose_no_results_of_each_other(tmp_path):
    path = str(tmp_path / 'r.csv')
    code = (
        'import sys; from loma_mm.engine.experiments import *; '
        'print(flush=True); input(); '
        '[Results(sys.argv[1]).add(Run(sys.argv[2], "c.py", seed, "."), '
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
    rest = "--resume --cfg-options 'x.y=(1,2)' randomness.seed=2"
    assert job_command(run, 'python', 'tools', 1, '') == (
        f'python tools/train.py c.py --work-dir root/a/b/seed2 {rest}'
    )
    assert job_command(run, 'torchrun', 'tools', 4, '') == (
        f'tools/dist_train.sh c.py 4 --work-dir root/a/b/seed2 {rest}'
    )
    assert job_command(run, 'slurm', 'tools', 8, 'gpu') == (
        'GPUS=8 tools/slurm_train.sh gpu a-b-2 c.py root/a/b/seed2 ' + rest
    )


def test_options():
    assert parse_options(('a.b=1', 'c=(1,2.5)', 'd=[x,y]')) == {
        'a.b': 1,
        'c': (1, 2.5),
        'd': ['x', 'y'],
    }
    assert parse_options(()) == {}
    with pytest.raises(SystemExit):
        parse_options(('a',))
