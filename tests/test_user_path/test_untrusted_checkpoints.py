"""A checkpoint of a stranger runs no code, in any command and by any way in."""

import argparse
import contextlib
import io
import pickle

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer
from mmengine.optim import AmpOptimWrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler
from mmengine.registry import PARAM_SCHEDULERS

from loma_mm.commands.experiment_arguments import train_words
from loma_mm.errors import DataError
from loma_mm.running import trust
from loma_mm.running.safe_pickle import RESTRICTED, safe_globals

from .checkpoints import LATEST, WAYS, sentence
from .evil import KINDS, Call, save

pytest.importorskip('mmdet')
pytest.importorskip('mmpretrain')

FLAG = '--trust-checkpoint'


@pytest.mark.parametrize('way', WAYS)
def test_code_in_a_checkpoint_is_refused(enter, way):
    # It is said before the work, where the file is there before it: before the data
    # is looked for too, and nothing is written.
    late = way in ('Pretrained', 'address')
    done, ran, out = enter(way, *([] if late else ['data_root=none']))
    assert not ran
    assert done.code == 1, done.said
    assert '.pth holds posix.system, and more than weights' in sentence(done)
    assert sentence(done).endswith(f'add {FLAG}.')
    assert late or way in LATEST or not out.exists()


# The others go the same way.
@pytest.mark.parametrize('way', sorted({*WAYS} - {*LATEST, 'resume=True'}))
def test_those_who_trust_a_file_load_it(enter, way):
    last = [] if way == 'resume' else ['train_cfg.max_epochs=1']
    done, ran, out = enter(way, FLAG, *last)
    assert done.code == 0, done.said
    assert ran and out.exists()
    # Runs of a sweep begin from it too, though they would go on from their own.
    logs = ''.join(path.read_text() for path in out.rglob('*.log'))
    assert way not in ('sweep', 'load_from') or 'Load checkpoint from' in logs


def test_a_best_checkpoint_elsewhere_stays(enter, place, tmp_path):
    """A training that goes on from another's removes none of its files."""
    theirs = tmp_path / 'theirs.pth'
    theirs.write_text('')

    def write(path, contents):
        info = contents['message_hub']['runtime_info']
        info = dict(info, best_score=-1.0, best_ckpt=str(theirs))
        hub = dict(contents['message_hub'], runtime_info=info)
        torch.save(dict(contents, message_hub=hub), path)

    done, _, out = enter('resume', write=write)
    assert done.code == 0 and list(out.glob('best_*.pth')), done.said
    assert theirs.exists()


@pytest.mark.parametrize(
    'words, options',
    [
        (['study', '--bccd', 'DATA', '--parts', 'bccd'], []),
        (
            ['study', '--table', '2', '--rows', 'Baseline'],
            ['train_dataloader.batch_size=256'],
        ),
    ],
)
def test_a_study_refuses_it_too(call, place, tmp_path, words, options):
    path = save(tmp_path / 'evil.pth', place.contents['C'], tmp_path / 'marker')
    words = [word.replace('DATA', str(tmp_path)) for word in words]
    words += ['--work-dir', str(tmp_path / 'work'), '--cfg-options']
    done = call(*words, f'load_from={path}', *options)
    assert done.code == 1 and sentence(done).endswith(f'add {FLAG}.'), done.said
    assert not (tmp_path / 'marker').exists()


@pytest.mark.parametrize('launcher', ['python', 'torchrun', 'slurm'])
def test_runs_are_told_whether_to_trust(call, place, tmp_path, launcher):
    words = ['sweep', place.folder / 'mine.py', '--p', '0.5', '--commands', launcher]
    words += ['--work-dir', tmp_path / 'work']
    assert FLAG not in call(*words).out
    assert f' {FLAG} ' in call(*words, FLAG).out
    gpus = [train_words(n, trust) for n in (1, 2) for trust in (False, True)]
    assert [FLAG in words for words in gpus] == [False, True, False, True]


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize('kind', KINDS)
def test_no_kind_of_pickle_runs_code(place, tmp_path, monkeypatch, kind, own):
    """By PyTorch's unpickler, and by ours, which older ones need."""
    monkeypatch.setattr(trust, 'OWN_UNPICKLER', own and trust.OWN_UNPICKLER)
    marker = tmp_path / 'marker'
    path = save(tmp_path / 'evil.pth', place.contents['C'], marker, kind)
    with trust.guarded():
        # What MMEngine allows while it loads.
        allow = getattr(torch.serialization, 'safe_globals', contextlib.nullcontext)
        with allow([getattr]), pytest.raises(DataError):
            torch.load(path, weights_only=False)
        assert not marker.exists()
    torch.load(path, weights_only=False)
    assert marker.exists()


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize(
    ('owner', 'name', 'allowed'),
    [
        (HistoryBuffer, 'mean', True),
        (HistoryBuffer, 'update', False),
        (OneCycleParamScheduler, '_annealing_linear', True),
        (OneCycleParamScheduler, 'mean', False),
        (OneCycleParamScheduler, 'build_iter_from_epoch', False),
        # Of another type that a pickle may name.
        (np.ndarray, 'mean', False),
    ],
)
def test_getattr_gives_few_methods_alone(
    tmp_path, monkeypatch, owner, name, allowed, own
):
    monkeypatch.setattr(trust, 'OWN_UNPICKLER', own and trust.OWN_UNPICKLER)
    path = tmp_path / 'a.pth'
    torch.save(dict(a=Call(getattr, owner, name)), path)
    with trust.guarded():
        if allowed:
            assert torch.load(path)['a'] is getattr(owner, name)
        else:
            with pytest.raises(DataError, match=r'holds builtins\.getattr, and'):
                torch.load(path)


@pytest.mark.skipif(not trust.OWN_UNPICKLER, reason='ours is used instead')
@pytest.mark.parametrize('evil', [True, False])
def test_what_others_allow_is_refused_and_stays_allowed(place, tmp_path, evil):
    path = tmp_path / 'a.pth'
    theirs = dict(kind=argparse.Action) if evil else {}
    torch.save(dict(place.contents['C'], **theirs), path)
    with torch.serialization.safe_globals([argparse.Action, getattr]):
        before = {*torch.serialization.get_safe_globals()}
        assert {argparse.Action, getattr} <= before
        with (
            trust.guarded(),
            pytest.raises(DataError) if evil else contextlib.nullcontext(),
        ):
            torch.load(path)
        assert {*torch.serialization.get_safe_globals()} == before


def test_a_program_is_no_checkpoint(tmp_path):
    """PyTorch before 2.6 ran it, weights alone or not."""
    path = tmp_path / 'program.pth'
    torch.jit.script(torch.nn.Linear(1, 1)).save(str(path))
    with pytest.raises(DataError, match=r'program.pth is a program \(TorchScript\)'):
        trust.require_checkpoint(str(path))


def test_a_type_gets_no_other_method():
    """A pickle may give a state to anything on its stack, types too."""
    state = b'(N}X\x06\x00\x00\x00hackedK\x01st'
    name = b'cmmengine.logging.history_buffer\nHistoryBuffer\n'
    with pytest.raises(pickle.UnpicklingError, match='GLOBAL type.__setstate__'):
        RESTRICTED.load(io.BytesIO(b'\x80\x02' + name + state + b'b.'))
    assert not hasattr(HistoryBuffer, 'hacked')


def test_resuming_runs_no_config_of_the_checkpoint(enter, tmp_path):
    """MMEngine runs the text meta['config'], which MMCV wrote."""

    def write(path, contents):
        text = f'open({str(tmp_path / "marker")!r}, "w")'
        torch.save(dict(contents, meta=dict(contents['meta'], config=text)), path)

    done, ran, _ = enter('resume', write=write)
    assert done.code == 0 and not ran, done.said
    assert enter('resume', FLAG, write=write)[1]


# ------------------------------------------------- what we and others write
SCALER = dict(scale=65536.0, growth_factor=2.0, _growth_tracker=3)


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize('new_format', [True, False])
def test_what_people_have_in_checkpoints(place, tmp_path, monkeypatch, own, new_format):
    monkeypatch.setattr(trust, 'OWN_UNPICKLER', own and trust.OWN_UNPICKLER)
    extra = dict(
        scaler=SCALER,
        args=argparse.Namespace(lr=0.1),
        settings=ConfigDict(a=dict(b=[1])),
        numbers=[np.float64(3), np.bool_(True), np.str_('x'), 2**70, 1j, slice(1, 2)],
        raw=[b'abc', bytearray(b'x'), {1, 2}],
        kinds=[torch.bool, torch.bfloat16, torch.device('cpu'), torch.Size([1])],
    )
    arrays = [np.arange(3), np.array(['a', 'b']), np.zeros((2, 2), np.uint8)]
    tensors = [
        torch.ones(2).half(),
        torch.ones(2) > 0,
        torch.nn.Parameter(torch.ones(2)),
    ]
    path = tmp_path / 'a.pth'
    torch.save(
        dict(place.contents['C'], extra=extra, arrays=arrays, tensors=tensors),
        path,
        _use_new_zipfile_serialization=new_format,
    )
    with trust.guarded():
        found = torch.load(path)
    assert found['extra'] == extra and type(found['extra']['settings']) is ConfigDict
    for one, other in zip(found['arrays'], arrays):
        np.testing.assert_array_equal(one, other, strict=True)
    for one, other in zip(found['tensors'], tensors):
        assert type(one) is type(other) and torch.equal(one, other)
    losses = found['message_hub']['log_scalars']['train/loss']
    assert (
        losses.mean()
        == place.contents['C']['message_hub']['log_scalars']['train/loss'].mean()
    )


def test_numpy_1_and_2_read_what_the_other_wrote(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(dict(a=torch.ones(1), best=np.float64(2)), path, pickle_protocol=2)
    # In a zip archive without compression, names may be replaced by equally long ones.
    data = path.read_bytes()
    names = [b'numpy.core.multiarray', b'numpy._core.multiarray']
    assert sum(name in data for name in names) == 1
    for name in names:
        scalar = pickle.dumps(np.float64(2), 2)
        for other in names:
            scalar = scalar.replace(other, name)
        assert RESTRICTED.load(io.BytesIO(scalar)) == 2
        assert f'{name.decode()}.scalar' in safe_globals()


@pytest.mark.parametrize('own', [True, False])
def test_what_amp_saves_loads(tmp_path, monkeypatch, own):
    """MMEngine's, which wants a GPU, with PyTorch's scaler for the CPU."""
    scaler = pytest.importorskip('torch.amp.grad_scaler')
    monkeypatch.setattr(trust, 'OWN_UNPICKLER', own and trust.OWN_UNPICKLER)
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    monkeypatch.setattr(
        amp_optimizer_wrapper, 'GradScaler', lambda: scaler.GradScaler('cpu')
    )
    net = torch.nn.Linear(2, 1)
    wrapper = AmpOptimWrapper(
        dtype='bfloat16', optimizer=torch.optim.AdamW(net.parameters())
    )
    with torch.autocast('cpu', torch.bfloat16):
        loss = net(torch.ones(1, 2)).sum()
    wrapper.update_params(loss)
    state = wrapper.state_dict()
    assert state['loss_scaler']['_growth_tracker'] == 1 and state['state']
    path = tmp_path / 'a.pth'
    torch.save(dict(state_dict=net.bfloat16().state_dict(), optimizer=state), path)
    with trust.guarded():
        found = torch.load(path)
    torch.testing.assert_close(found['optimizer'], state, rtol=0, atol=0)
    assert found['state_dict']['weight'].dtype == torch.bfloat16


@pytest.mark.parametrize('own', [True, False])
@pytest.mark.parametrize(
    'schedule',
    [
        dict(type='OneCycleLR', eta_max=1.0, total_steps=9),
        dict(type='OneCycleLR', eta_max=1.0, total_steps=9, anneal_strategy='linear'),
        dict(type='ReduceOnPlateauLR', monitor='loss', rule='less'),
        dict(type='MultiStepLR', milestones=[1, 2]),
        dict(type='CosineRestartLR', periods=[9], eta_min=0),
    ],
    ids=lambda schedule: schedule['type'],
)
def test_what_schedules_save_loads(tmp_path, monkeypatch, schedule, own):
    monkeypatch.setattr(trust, 'OWN_UNPICKLER', own and trust.OWN_UNPICKLER)
    optimizer = torch.optim.SGD(torch.nn.Linear(1, 1).parameters(), lr=0.1)
    default = dict(optimizer=optimizer)
    state = PARAM_SCHEDULERS.build(schedule, default_args=default).state_dict()
    torch.save(dict(state_dict={}, param_schedulers=[state]), tmp_path / 'a.pth')
    with trust.guarded():
        assert torch.load(tmp_path / 'a.pth')['param_schedulers'] == [state]


def test_a_training_goes_on_from_its_own(enter):
    """With EMA, AdamW, nested metainfo and a best checkpoint, as it was saved."""
    done, _, out = enter('resume', write=lambda path, own: torch.save(own, path))
    assert done.code == 0, done.said
    assert 'resumed epoch: 1' in done.said and (out / 'epoch_2.pth').exists()
    state = torch.load(out / 'epoch_2.pth', weights_only=False)
    assert 'ema_state_dict' in state
    assert state['optimizer']['state'][0]['step'] == 2
    assert type(state['meta']['dataset_meta']['source']) is ConfigDict
