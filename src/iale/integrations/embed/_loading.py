"""What all encoders share: the import of a library, and one sentence for whatever goes wrong in it."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional

from iale._packages import to_install
from iale.data._fingerprint import digest
from iale.errors import ConfigError
from iale.policies._digest import digest_of


def library(module: str, package: str) -> ModuleType:
    """The library; raises ConfigError if it cannot be imported."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"{package} cannot be imported ({error}): {to_install(package)}.") from error


def identity(name: str, package: str, tensors: Mapping[str, Tensor], *others: object) -> str:
    """What tells the vectors of a model: a digest of its weights, as a model in a folder, or of a hub, may change under
    its name, and of ``others``, such as how it reads text.
    """
    told = digest(digest_of({"": tensors}), *map(str, others))
    return f"{name} ({package}, weights {told[:16]})"


@contextlib.contextmanager
def loading(name: str) -> Iterator[None]:
    """Turns whatever a library raises while it loads a model into a ConfigError."""
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # libraries raise anything: a wrong name, no network, a damaged file
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ConfigError(f"the encoder {name} cannot be loaded ({reason}): check its name and the network.") from error


def pixels(images: Tensor, size: tuple[int, int], mean: Tensor, std: Tensor) -> Tensor:
    """Images as a pretrained network wants them: float32 [B, 3, height, width], shrunk and standardized.

    The whole image is resized to ``size``, not cropped, so that nothing at its border is lost. Gray images get three
    equal channels. Args are uint8 [B, 1 or 3, H, W], and float32 [3] of colors from 0 to 1.
    """
    inputs = images.to(mean.device, torch.float32).div(255).expand(-1, 3, -1, -1)
    if tuple(inputs.shape[2:]) != size:
        inputs = functional.interpolate(inputs, size, mode="bicubic", antialias=True).clamp(0, 1)
    return (inputs - mean.view(3, 1, 1)) / std.view(3, 1, 1)
