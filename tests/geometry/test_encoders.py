"""Encoders by name, and what a function of a user may do."""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from iale.data._texts import TextSamples
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError, DataError, ModelError
from iale.geometry import Encoder, build, find_encoder
from iale.geometry._encoded import encoded

IMAGES = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)


def means(batch: Tensor) -> Tensor:
    return batch.float().mean(dim=(2, 3))


def encoder(encode: Callable[[Any], Any]) -> Encoder:
    return Encoder("mine", "mine 1", encode)


def test_a_function_gets_images_as_bytes_and_texts_as_texts() -> None:
    got = encoder(means).points(ArraySamples(IMAGES), torch.tensor([4, 1]))
    assert torch.equal(got, IMAGES[[4, 1]].float().mean(dim=(2, 3)))
    texts = TextSamples(["one", "seventeen"])
    lengths = encoder(lambda batch: [[len(text)] for text in batch])
    assert lengths.points(texts, torch.tensor([1, 0])).tolist() == [[9.0], [3.0]]


def test_a_function_that_returns_its_own_memory_cannot_change_what_was_returned() -> None:
    buffer = np.zeros((1, 2), np.float32)

    def reuses(batch: Tensor) -> object:
        buffer[:] = float(batch.float().mean())
        return buffer

    mine, samples = encoder(reuses), ArraySamples(IMAGES)
    first = mine.points(samples, torch.tensor([0]))
    kept = first.clone()
    mine.points(samples, torch.tensor([1]))
    assert torch.equal(first, kept)


@pytest.mark.parametrize(
    ("encode", "said"),
    [
        (lambda batch: batch.float().mean(dim=(1, 2, 3)), r"shape \(2,\) for 2 samples"),
        (lambda batch: batch.float()[:1].flatten(1), r"shape \(1, 192\) for 2 samples"),
        (lambda batch: batch["pixels"], "failed on a batch of 2 samples"),
        (lambda batch: ["a", "b"], "failed on a batch of 2 samples"),
        (lambda batch: np.zeros((2, 0)), r"shape \(2, 0\)"),
    ],
)
def test_what_is_no_vector_for_each_sample_is_refused(encode: Callable[..., object], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        encoder(encode).points(ArraySamples(IMAGES), torch.arange(2))


def test_vectors_beyond_float32_are_one_error_and_no_warning_of_numpy() -> None:
    far = Encoder("far", "1", lambda batch: np.full((len(batch), 2), 1e300))
    with pytest.raises(DataError, match="the vector of sample 0 is not finite"):
        build(ArraySamples(np.ones((4, 3))), far)


def test_kinds_are_checked_before_anything_is_read() -> None:
    only = Encoder("mine", "mine 1", means, ("image",))
    only.check("image")
    with pytest.raises(ConfigError, match="mine encodes images, and these samples are texts"):
        only.check("text")


def test_a_function_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_encoder.py").write_text("def encode(batch):\n    return batch\nencode.size = (5, 7)\nnumber = 3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "my_encoder", raising=False)
    found = find_encoder("my_encoder:encode")
    assert (found.name, found.size) == ("my_encoder:encode", (5, 7))
    with pytest.raises(ConfigError, match="has the type int: name a function"):
        find_encoder("my_encoder:number")
    with pytest.raises(ConfigError, match="cannot be imported"):
        find_encoder("my_encoder:absent")


def test_a_function_is_another_one_when_what_its_module_imports_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine_scaled.py").write_text("import mine_scale\n\ndef encode(batch):\n    return batch * mine_scale.K\n")
    told = set()
    for scale in ("K = 2\n", "K = 3\n", "K = 2\n"):
        Path("mine_scale.py").write_text(scale)
        told.add(find_encoder("mine_scaled:encode").identity)
    sys.modules.pop("mine_scaled")
    sys.modules.pop("mine_scale")
    assert len(told) == 2


@pytest.mark.parametrize("name", ["", "timm", "timm:", "resnet50"])
def test_a_name_in_another_form_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is not one of timm:MODEL, open-clip:MODEL"):
        find_encoder(name)


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("timm:resnet18", "timm", "timm"),
        ("open-clip:ViT-B-32/openai", "open_clip", "open-clip-torch"),
        ("sentence-transformers:tiny", "sentence_transformers", "sentence-transformers"),
        ("model2vec:tiny", "model2vec", "model2vec"),
    ],
)
def test_a_library_that_is_absent_is_named(
    name: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=f"{package} cannot be imported .*pip install"):
        find_encoder(name)


def test_a_model_without_weights_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", ModuleType("open_clip"))
    with pytest.raises(ConfigError, match="names no weights"):
        find_encoder("open-clip:ViT-B-32")


def test_vectors_that_are_kept_are_read_once_also_beside_others_that_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    read: Counter[str] = Counter()

    def counted(file: Any, kind: str) -> Any:
        read[Path(file.name).name] += 1
        return whole(file, kind)

    whole, seen = hashlib.file_digest, list[str]()
    kept, new = ArraySamples(IMAGES[:4]), ArraySamples(IMAGES[4:])
    encoded([kept], encoder(means), seen.append)
    (file,) = tmp_path.rglob("*.npy")
    monkeypatch.setattr(hashlib, "file_digest", counted)
    first, second = encoded([kept, new], encoder(means), seen.append)
    assert read[file.name] == 1
    torch.testing.assert_close(first.read(), means(IMAGES[:4]))
    torch.testing.assert_close(second.read(), means(IMAGES[4:]))
    assert [text.split(" with ")[0] for text in seen] == 2 * ["looking at all samples"]
