import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.fileio import LocalBackend, get_file_backend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner import Runner

from loma_mm.errors import ConfigError, RunError
from loma_mm.files import whole_file
from loma_mm.names import some

BACKEND = 'whole'


class WholeFileBackend(LocalBackend):
    """The local disk, where a file is whole or not there."""

    def put(self, obj: bytes, filepath: Any) -> None:
        """Write a file; the old one of this name stays until it is written."""
        with whole_file(filepath) as part, open(part, 'wb') as file:
            file.write(obj)


register_backend(BACKEND, WholeFileBackend, force=True)


class _RemoveLater:
    """A file backend that puts removals off, of what is in some folders.

    A checkpoint names others that are to go, as the best one so far. One that was
    made elsewhere names files that are not of this training.
    """

    def __init__(self, backend: Any, *folders: str) -> None:
        self._backend = backend
        self._folders = set(map(osp.abspath, folders))
        self._pending: list[tuple[Any, str]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def remove(self, path: str) -> None:
        self._put_off(self._backend.remove, path)

    def rmtree(self, path: str) -> None:
        self._put_off(self._backend.rmtree, path)

    def _put_off(self, remove: Any, path: str) -> None:
        if osp.dirname(osp.abspath(path)) in self._folders:
            self._pending.append((remove, path))

    def carry_out(self) -> None:
        while self._pending:
            remove, path = self._pending.pop(0)
            if self._backend.exists(path):
                remove(path)


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook; an interrupted save loses nothing.

    With ``max_keep_ckpts`` MMEngine deletes the oldest checkpoint and then
    writes the new one, under its final name: a process killed in between, or a
    full disk, leaves none or a part of one. Here a checkpoint gets its name
    when it is written, and only then does the oldest go. So there is room for
    one more than ``max_keep_ckpts`` on the disk for a moment.

    The arguments are those of :class:`mmengine.hooks.CheckpointHook`. Where
    ``backend_args`` names a file backend other than the local disk, that one
    writes in its own way.

    Raises:
        RunError: In training, if a checkpoint cannot be written.
        ConfigError: After a validation, if ``save_best`` names no metric of it.
    """

    def before_train(self, runner: Runner) -> None:
        """Find out where checkpoints go."""
        super().before_train(runner)
        self.file_backend: Any
        self.backend_args: dict | None
        local = isinstance(get_file_backend(self.out_dir), LocalBackend)
        named = self.backend_args in (None, {}, dict(backend='local'))
        if local and named and self.file_client_args is None:
            self.backend_args = dict(backend=BACKEND)
        if local:
            self._find_best()
        # The names may have a folder of their own.
        names = osp.join(str(self.out_dir), self.filename_tmpl)
        self.file_backend = _RemoveLater(
            self.file_backend, str(self.out_dir), osp.dirname(names)
        )

    def _find_best(self) -> None:
        """Know the best one where it is: the work dir may have been moved."""

        def here(path: str) -> str:
            moved = osp.join(str(self.out_dir), osp.basename(path))
            return moved if osp.isfile(moved) else path

        # It has one of the two, or neither.
        if best := vars(self).get('best_ckpt_path'):
            self.best_ckpt_path = here(best)
        for key, path in vars(self).get('best_ckpt_path_dict', {}).items():
            self.best_ckpt_path_dict[key] = path and here(path)

    def after_train_epoch(self, runner: Runner) -> None:
        """Save, then remove."""
        with self._saving():
            super().after_train_epoch(runner)

    def after_train_iter(self, runner: Runner, *args: Any, **kwargs: Any) -> None:
        """Save, then remove."""
        with self._saving():
            super().after_train_iter(runner, *args, **kwargs)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        """Save the best one, then remove the one that was best."""
        for name in set(self.save_best or ()) - {'auto', *metrics}:
            # A KeyError of MMEngine's; without any metric it warns.
            if metrics:
                raise ConfigError(
                    f'save_best of the checkpoint hook names {name}, and the '
                    f'validation gives {some(list(metrics))}: name one of these with '
                    '--cfg-options default_hooks.checkpoint.save_best=NAME, and '
                    '--resume goes on from the last checkpoint.'
                )
        with self._saving():
            super().after_val_epoch(runner, metrics)

    @contextmanager
    def _saving(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RunError(
                f'No checkpoint could be written to {self.out_dir} ({error.strerror}): '
                'make room there, then --resume goes on from the one before, which is '
                'whole.'
            ) from error
        # Validation alone has no folder.
        if isinstance(getattr(self, 'file_backend', None), _RemoveLater):
            self.file_backend.carry_out()
