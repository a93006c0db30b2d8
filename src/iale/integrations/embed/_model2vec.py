"""``model2vec:MODEL``: texts through static word embeddings of Model2Vec, without a network and fast on a CPU."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike

from iale.geometry.encoders import Encoder
from iale.integrations.embed._loading import identity, library, loading


def load(model: str, device: str) -> Encoder:
    """Embeddings of texts; ``model`` is a name of the Hugging Face hub, or a folder. It always runs on the CPU."""
    package = library("model2vec", "model2vec")
    name = f"model2vec:{model}"
    with loading(name):
        network = package.StaticModel.from_pretrained(model)

    def encode(texts: list[str]) -> ArrayLike:
        # No processes of its own: they would not end with this one.
        return cast(ArrayLike, network.encode(texts, use_multiprocessing=False))

    arrays = {part: getattr(network, part, None) for part in ("embedding", "weights", "token_mapping")}
    tensors = {part: torch.from_numpy(array) for part, array in arrays.items() if isinstance(array, np.ndarray)}
    told = identity(name, f"model2vec {package.__version__}", tensors, network.tokenizer.to_str(), network.normalize)
    return Encoder(name, told, encode, ("text",))
