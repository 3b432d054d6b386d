"""What goes wrong for a reason that a user can mend: one sentence each.

The package raises these and never ends the interpreter; the command line
(:mod:`loma_mm.__main__`) turns them into that sentence and an exit code.
"""


class LomaError(Exception):
    """The base of all; its message is one sentence with a remedy."""

    exit_code = 1

    def __str__(self) -> str:
        """The sentence, without the trace of a data loader's worker before it."""
        name = f'{type(self).__module__}.{type(self).__qualname__}: '
        return super().__str__().rpartition(name)[2]


class UsageError(LomaError, ValueError):
    """A command line that contradicts itself or names what is not there."""

    exit_code = 2


class ConfigError(LomaError, ValueError):
    """A config that cannot be read, built or run as it is."""


class DataError(LomaError, ValueError):
    """A dataset, image or annotation that is missing or broken."""


class LabelError(LomaError, TypeError, ValueError):
    """A label that cannot follow the pixels of its image."""


class SetupError(LomaError, RuntimeError):
    """Something that the machine or the installation lacks."""


class ResultsError(LomaError, ValueError):
    """A file of results that is none, or of other runs."""


class RunError(LomaError, RuntimeError):
    """Runs that ended without a result."""


class BusyError(LomaError, RuntimeError):
    """A work dir in which another process trains."""

    # EX_TEMPFAIL of sysexits.h: try again later.
    exit_code = 75


class LomaWarning(UserWarning):
    """What the command line shows; warnings of others go to the log file."""
