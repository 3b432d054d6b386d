import os
from unittest import mock

from loma_mm.running.distributed import read_launcher


def read(launcher, **given):
    """What a process is told in an environment, by torchrun's names."""
    words = {name: str(value) for name, value in given.items()}
    with mock.patch.dict(os.environ, words, clear=True):
        read_launcher(launcher)
        return os.environ.get('RANK'), os.environ.get('MASTER_PORT')


def test_jobs_of_slurm_on_one_machine_have_ports_of_their_own():
    """MMEngine gives all of them 29500, and all but the first would fail."""
    ports = set()
    for job in (4711, 4712):
        for step in range(8):
            place = dict(SLURM_JOB_ID=job, SLURM_STEP_ID=step)
            tasks = [read('slurm', **place, SLURM_PROCID=task) for task in range(2)]
            # The processes of one training meet.
            assert [rank for rank, _ in tasks] == ['0', '1']
            assert tasks[0][1] == tasks[1][1]
            ports.add(int(tasks[0][1]))
    assert len(ports) == 16 and 1024 < min(ports) < max(ports) < 32768
    # What a user says goes before.
    assert read('slurm', SLURM_JOB_ID=1, MASTER_PORT=9)[1] == '9'


def test_other_launchers():
    assert read('mpi', OMPI_COMM_WORLD_RANK=3) == ('3', None)
    assert read('pytorch', RANK=2) == ('2', None)
    # Tasks of slurm that nobody joins.
    assert read('none', SLURM_PROCID=1) == (None, None)
