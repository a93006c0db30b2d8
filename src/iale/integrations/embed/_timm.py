"""``timm:MODEL``: image networks of timm (Wightman 2019), such as DINOv2, DINOv3, SigLIP and ConvNeXt."""

from __future__ import annotations

import torch
from torch import Tensor

from iale.classifiers.base import resolve_device
from iale.geometry.encoders import Encoder
from iale.integrations.embed._loading import identity, library, loading, pixels


def load(model: str, device: str) -> Encoder:
    """The pooled features of a pretrained model, without its classifying layer."""
    timm, where = library("timm", "timm"), resolve_device(device)
    name = f"timm:{model}"
    with loading(name):
        network = timm.create_model(model, pretrained=True, num_classes=0).eval().to(where)
        config = timm.data.resolve_model_data_config(network)
    size = (int(config["input_size"][1]), int(config["input_size"][2]))
    mean, std = (torch.tensor(config[key], device=where) for key in ("mean", "std"))

    def encode(images: Tensor) -> Tensor:
        with torch.inference_mode():
            features: Tensor = network(pixels(images, size, mean, std))
        return features.float().cpu()

    told = identity(name, f"timm {timm.__version__}", network.state_dict(), size, config["mean"], config["std"])
    return Encoder(name, told, encode, ("image",), size)
