"""Errors and warnings of iale.

    IaleError                 every error raised on purpose; the command line prints it and exits with 2
    ├── ConfigError           an option or a combination of options is invalid
    │   └── UnknownNameError  a name is not registered; the message lists the known ones
    ├── DataError             pixels, labels, folders or files of a data set are not usable
    │   └── UnreadableError   some samples cannot be read; the message says which
    ├── ModelError            a classifier lacks something that is required (dropout, a named layer, a shape)
    ├── QueryError            a query cannot be answered (k > n, an unmet need)
    ├── PolicyError           a policy does not fit the classifier, or its folder is not usable
    └── StorageError          a file cannot be written, or is truncated or altered

    IaleWarning               every warning raised on purpose
    ├── MemoryWarning         memory ran out, and work continues in smaller pieces
    └── WeightsWarning        weights that look trained are reset

Each message is one sentence: what was wrong, what was expected, what to do.
"""


class IaleError(Exception):
    """Base of every error that iale raises on purpose."""


class ConfigError(IaleError, ValueError):
    """An option or a combination of options is invalid."""


class UnknownNameError(ConfigError):
    """A name is not registered; the message lists the known ones."""


class DataError(IaleError, ValueError):
    """Pixels, labels, folders or files of a data set are not usable."""


class UnreadableError(DataError):
    """Some of the samples that were asked for cannot be read.

    Attributes:
        reasons: why, by the index of the sample.
    """

    def __init__(self, message: str, reasons: dict[int, str] | None = None) -> None:
        super().__init__(message)
        self.reasons = reasons or {}


class ModelError(IaleError, ValueError):
    """A classifier lacks something that is required, or its code failed."""


class QueryError(IaleError, ValueError):
    """A query cannot be answered."""


class PolicyError(IaleError, ValueError):
    """A policy does not fit the classifier, or its folder is not usable."""


class StorageError(IaleError, OSError):
    """A file cannot be written, or is truncated or altered."""


class IaleWarning(UserWarning):
    """Base of every warning that iale raises on purpose."""


class MemoryWarning(IaleWarning):
    """Memory ran out, and work continues in smaller pieces."""


class WeightsWarning(IaleWarning):
    """Weights that look trained are reset, because nothing was said about them."""
