"""Encoders of other libraries, loaded by their own code from small weights on this disk."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from iale.data._texts import TextSamples
from iale.data.arrays import ArraySamples
from iale.errors import ConfigError
from iale.geometry import Encoder, find_encoder
from iale.integrations.embed._loading import pixels

WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog", "ran"]
TEXTS = TextSamples(["the cat sat", "dog", "a dog ran on the mat"])


def tokenizer() -> object:
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[PAD]": 0, "[UNK]": 1, **{word: place + 2 for place, word in enumerate(WORDS)}}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    return made


def told(encoder: Encoder) -> str:
    """What an identity says about the weights; the rest is the name that was typed."""
    return encoder.identity.rpartition("weights")[2]


def test_model2vec(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    vectors = np.random.default_rng(0).normal(size=(len(WORDS) + 2, 8)).astype(np.float32)
    model2vec.StaticModel(vectors=vectors, tokenizer=tokenizer()).save_pretrained(tmp_path)
    encoder = find_encoder(f"model2vec:{tmp_path}")
    assert encoder.identity == find_encoder(f"model2vec:{tmp_path}").identity
    other = tmp_path / "other"
    for changed in (-vectors, vectors[::-1].copy()):
        model2vec.StaticModel(vectors=changed, tokenizer=tokenizer()).save_pretrained(other)
        assert told(find_encoder(f"model2vec:{other}")) != told(encoder)
    assert "model2vec 0." in encoder.identity
    got = encoder.points(TEXTS, torch.tensor([1, 0]))
    # The mean of the words' vectors: "dog" is word 6, "the cat sat" are 0, 1, 2; two tokens come before the words.
    assert np.allclose(got, [vectors[8], vectors[2:5].mean(axis=0)], atol=1e-2)  # it stores vectors in half precision
    with pytest.raises(ConfigError, match="encodes texts, and these samples are images"):
        encoder.check("image")


def test_sentence_transformers(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    transformers = pytest.importorskip("transformers")
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer(), pad_token="[PAD]", unk_token="[UNK]")
    fast.save_pretrained(tmp_path)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    made = transformers.BertModel(transformers.BertConfig(vocab_size=len(WORDS) + 2, **sizes))
    made.save_pretrained(tmp_path)
    encoder = find_encoder(f"sentence-transformers:{tmp_path}", "cpu")
    assert encoder.identity == find_encoder(f"sentence-transformers:{tmp_path}", "cpu").identity
    made.embeddings.word_embeddings.weight.data.neg_()
    made.save_pretrained(tmp_path)
    assert told(find_encoder(f"sentence-transformers:{tmp_path}", "cpu")) != told(encoder)
    together = encoder.points(TEXTS, torch.arange(3))
    alone = torch.cat([encoder.points(TEXTS, torch.tensor([row])) for row in range(3)])
    assert together.shape == (3, 16)
    assert torch.allclose(together, alone, atol=1e-5)  # padding changes nothing


def test_timm(tmp_path: Path) -> None:
    timm = pytest.importorskip("timm", reason="timm needs torchvision, which this machine may lack")
    safetensors = pytest.importorskip("safetensors.torch")
    network = timm.create_model("resnet10t", num_classes=0)
    safetensors.save_file(network.state_dict(), tmp_path / "model.safetensors")
    config = {
        "architecture": "resnet10t",
        "num_classes": 0,
        "pretrained_cfg": timm.get_pretrained_cfg("resnet10t").to_dict(),
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    encoder = find_encoder(f"timm:local-dir:{tmp_path}", "cpu")
    images = ArraySamples(torch.randint(0, 256, (3, 1, 20, 30), dtype=torch.uint8))
    assert encoder.points(images, torch.arange(3)).shape == (3, network.num_features)
    assert encoder.identity == find_encoder(f"timm:local-dir:{tmp_path}", "cpu").identity
    network.conv1[0].weight.data.neg_()
    safetensors.save_file(network.state_dict(), tmp_path / "model.safetensors")
    assert told(find_encoder(f"timm:local-dir:{tmp_path}", "cpu")) != told(encoder)


def test_open_clip(tmp_path: Path) -> None:
    """An architecture of its own, as small as they come; what it computes of pixels that need no resizing is known."""
    open_clip = pytest.importorskip("open_clip", reason="open-clip-torch needs torchvision, which may be missing")
    vision = {"image_size": [16, 24], "patch_size": 8, "layers": 1, "width": 16, "head_width": 8}
    text = {"context_length": 4, "vocab_size": 16, "layers": 1, "width": 8, "heads": 2}
    config = {"embed_dim": 5, "vision_cfg": vision, "text_cfg": text}
    (tmp_path / "iale-tiny.json").write_text(json.dumps(config))
    open_clip.add_model_config(tmp_path / "iale-tiny.json")
    network = open_clip.create_model("iale-tiny").eval()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    encoder = find_encoder(f"open-clip:iale-tiny/{tmp_path}/weights.pt", "cpu")
    assert encoder.size == (16, 24)
    assert f"(open_clip {open_clip.__version__}, weights" in encoder.identity
    assert encoder.identity == find_encoder(f"open-clip:iale-tiny/{tmp_path}/weights.pt", "cpu").identity
    images = torch.randint(0, 256, (3, 3, 16, 24), dtype=torch.uint8)
    mean, std = (
        torch.tensor(each).view(3, 1, 1) for each in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    with torch.no_grad():
        expected = network.encode_image((images / 255 - mean) / std)
    assert torch.allclose(encoder.points(ArraySamples(images), torch.arange(3)), expected, atol=1e-5)
    large = ArraySamples(torch.randint(0, 256, (2, 1, 40, 30), dtype=torch.uint8))
    assert encoder.points(large, torch.arange(2)).shape == (2, 5)
    with pytest.raises(ConfigError, match="encodes images, and these samples are texts"):
        encoder.check("text")
    network.visual.conv1.weight.data.neg_()
    torch.save(network.state_dict(), tmp_path / "weights.pt")
    assert told(find_encoder(f"open-clip:iale-tiny/{tmp_path}/weights.pt", "cpu")) != told(encoder)
    (tmp_path / "weights.pt").write_bytes(b"no weights")
    for wrong in (f"{tmp_path}/weights.pt", "nowhere"):
        with pytest.raises(ConfigError, match=r"cannot be loaded .*: check its name and the network"):
            find_encoder(f"open-clip:iale-tiny/{wrong}", "cpu")


@pytest.mark.parametrize("name", ["model2vec:/nowhere/at/all", "sentence-transformers:/nowhere/at/all"])
def test_a_model_that_cannot_be_loaded_is_one_sentence(name: str) -> None:
    pytest.importorskip(name.partition(":")[0].replace("-", "_"))
    with pytest.raises(ConfigError, match=r"cannot be loaded .*: check its name and the network"):
        find_encoder(name)


def test_pixels_are_shrunk_whole_and_standardized() -> None:
    images = torch.randint(0, 256, (2, 1, 12, 12), dtype=torch.uint8)
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 1.0, 2.0])
    same = pixels(images, (12, 12), mean, std)
    for channel in range(3):  # gray images get three equal channels
        assert torch.allclose(same[:, channel], (images[:, 0] / 255 - mean[channel]) / std[channel])
    flat = torch.full((1, 3, 31, 17), 51, dtype=torch.uint8)
    assert torch.allclose(pixels(flat, (8, 8), torch.zeros(3), torch.ones(3)), torch.full((1, 3, 8, 8), 0.2), atol=1e-5)
