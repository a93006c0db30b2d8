"""Encoders: what turns images, texts or rows into vectors, such as a pretrained network.

An encoder is named by its library and its model, as in ``timm:vit_small_patch14_dinov2``, or is a function of your own,
``package.module:function``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from iale import _storage as storage
from iale._given import size_of
from iale._own_files import own_files
from iale.data._checks import check_kind
from iale.data._fingerprint import digest
from iale.data._texts import TextSamples
from iale.data.samples import SampleKind, Samples
from iale.errors import ConfigError, ModelError
from iale.registry import Registry, import_object

_KINDS: tuple[SampleKind, ...] = ("image", "text", "row")
_NOUNS = {"image": "images", "text": "texts", "row": "rows of numbers"}


@dataclass(frozen=True)
class Encoder:
    """A function from samples to vectors, and what it takes; a `Maker` of a geometry.

    Attributes:
        name: as users type it.
        identity: the name, and what tells whatever computes the vectors: versions, weights, code of one's own.
        encode: gets a batch: uint8 [B, C, H, W] of images, a list of B texts, or float32 [B, F] of rows; returns
            numbers [B, D].
        takes: the kinds of samples that it can encode.
        size: (height, width) that it looks at, to which images of any size can be shrunk first; None if any will do.

    Raises:
        ConfigError: ``encode`` is no function, or what it takes or its size is something else.
    """

    name: str
    identity: str
    encode: Callable[[Any], ArrayLike | Tensor]
    takes: tuple[SampleKind, ...] = _KINDS
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not callable(self.encode):
            raise ConfigError(f"the encoder {self.name} has the type {type(self.encode).__name__}: name a function.")
        if not isinstance(self.takes, tuple) or not self.takes or not set(self.takes) <= set(_KINDS):
            raise ConfigError(f"{self.name} takes some of image, text and row, not {self.takes!r:.60}.")
        if self.size is not None:
            object.__setattr__(self, "size", size_of(self.size, f"the size of {self.name}"))

    def check(self, kind: SampleKind) -> None:
        """Raises ConfigError if it cannot encode samples of this kind."""
        check_kind(kind)
        if kind not in self.takes:
            able = " or ".join(_NOUNS[each] for each in self.takes)
            raise ConfigError(f"{self.name} encodes {able}, and these samples are {_NOUNS[kind]}: choose another.")

    def points(self, samples: Samples, indices: Tensor) -> Tensor:
        """float32 [B, D] of the samples at ``indices`` (int64 [B]).

        Raises ModelError if the function fails or returns anything else, and what `Samples.batch` raises.
        """
        batch = samples.texts(indices) if isinstance(samples, TextSamples) else samples.batch(indices)
        try:
            values = _copied(self.encode(batch))
        except Exception as error:  # a function of a user, or a library, may fail in any way
            reason = f"{type(error).__name__}: {error}".split("\n", 1)[0]
            raise ModelError(
                f"{self.name} failed on a batch of {len(batch)} samples ({reason}): correct it."
            ) from error
        if values.ndim != 2 or len(values) != len(batch) or not values.shape[1]:
            raise ModelError(
                f"{self.name} gave an array of shape {tuple(values.shape)} for {len(batch)} samples: one row of "
                f"numbers for each was expected."
            )
        return values


def _copied(made: ArrayLike | Tensor) -> Tensor:
    """float32, a copy: a function may return a view of what it was given, or of memory that it uses again."""
    if isinstance(made, Tensor):
        return made.detach().to("cpu", torch.float32, copy=True)
    with np.errstate(over="ignore"):  # what becomes infinite is named later
        return torch.from_numpy(np.array(made, dtype=np.float32))


_HOME = "iale.integrations.embed"
ENCODERS: Registry[Callable[[str, str], Encoder]] = Registry(
    "encoder",
    {
        "timm": f"{_HOME}._timm:load",
        "open-clip": f"{_HOME}._open_clip:load",
        "sentence-transformers": f"{_HOME}._sentence_transformers:load",
        "model2vec": f"{_HOME}._model2vec:load",
    },
)
"""Libraries of encoders: functions of the model's name and a device. They belong to the extra `embed`."""


def find_encoder(name: str, device: str = "auto") -> Encoder:
    """The encoder called ``name``: ``library:model``, or ``package.module:function`` of your own.

    Weights come from where the library gets them, and are kept where it keeps them. ``device`` is that of
    `TrainingConfig`; a function of your own chooses its device itself.

    Raises:
        ConfigError: the name is in another form, the library is not installed, or the model cannot be loaded.
    """
    library, colon, model = name.partition(":") if isinstance(name, str) else ("", "", "")
    if not colon or not model:
        known = ", ".join(f"{each}:MODEL" for each in ENCODERS)
        raise ConfigError(f"the encoder {name!r} is not one of {known} or package.module:function.")
    if library in ENCODERS:
        return ENCODERS[library](model, device)
    function = import_object(name, "encoder")
    return Encoder(name, f"{name} {_code(library)}".strip(), function, size=getattr(function, "size", None))


def _code(module: str) -> str:
    """What tells the code of a module, and of those that it imports from beside it: changed, it is another encoder."""
    file = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    if not file.is_file():
        return ""
    files = own_files(module, file)
    digests = {name: storage.sha256(storage.read_bytes(each)) for name, each in sorted(files.items())}
    return (digests[module] if len(digests) == 1 else digest(digests))[:16]


def check_encoder(name: str) -> None:
    """Raises ConfigError now, before a model is loaded, if an encoder of this name cannot be meant."""
    library, colon, model = name.partition(":") if isinstance(name, str) else ("", "", "")
    if library in ENCODERS and colon and model:
        return
    find_encoder(name)
