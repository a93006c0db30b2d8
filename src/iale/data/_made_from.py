"""What a data set was when something was made from it; imports no PyTorch, so that reports can read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

_SHOWN = 12  # hexadecimal digits: enough to tell data sets apart, and short enough to compare by eye


@dataclass(frozen=True)
class DataFingerprint:
    """Two SHA-256 in hexadecimal, of what a data set holds and not of where it is or when it was written.

    Attributes:
        inputs: of all inputs in their order, the training split and then the test split.
        labels: of all labels in the same order, and of the number of classes.
    """

    inputs: str
    labels: str

    @classmethod
    def parse(cls, content: Mapping[str, object] | None) -> DataFingerprint | None:
        """The fingerprint in a file, None if there is none; raises KeyError or TypeError for anything else."""
        return None if content is None else cls(str(content["inputs"]), str(content["labels"]))

    def content(self) -> dict[str, str]:
        """For a file."""
        return asdict(self)

    def __str__(self) -> str:
        return f"inputs {self.inputs[:_SHOWN]}, labels {self.labels[:_SHOWN]}"
