"""``open-clip:MODEL/WEIGHTS``: the image side of CLIP models (Radford et al. 2021) as OpenCLIP offers them."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import resolve_device
from iale.errors import ConfigError
from iale.geometry.encoders import Encoder
from iale.integrations.embed._loading import identity, library, loading, pixels


def load(model: str, device: str) -> Encoder:
    """Image features; ``model`` is as in open-clip:ViT-B-32/laion2b_s34b_b79k."""
    open_clip, where = library("open_clip", "open-clip-torch"), resolve_device(device)
    name = f"open-clip:{model}"
    # A model of the hub, or in a folder, has weights of its own; others would start from random ones.
    whole = model.startswith(("hf-hub:", "local-dir:"))
    architecture, _, weights = (model, "", "") if whole else model.partition("/")
    if not whole and not weights:
        raise ConfigError(f"{name} names no weights: write open-clip:MODEL/WEIGHTS, as in ViT-B-32/laion2b_s34b_b79k.")
    with loading(name):
        network = open_clip.create_model(architecture, pretrained=weights or None).eval().to(where)
        config = open_clip.get_model_preprocess_cfg(network)
    side = config["size"]
    size = (int(side), int(side)) if isinstance(side, int) else (int(side[0]), int(side[1]))
    mean, std = (torch.tensor(config[key], device=where) for key in ("mean", "std"))

    def encode(images: Tensor) -> Tensor:
        with torch.inference_mode():
            features: Tensor = network.encode_image(pixels(images, size, mean, std))
        return features.float().cpu()

    version = f"open_clip {open_clip.__version__}"
    told = identity(name, version, network.visual.state_dict(), size, config["mean"], config["std"])
    return Encoder(name, told, encode, ("image",), size)
