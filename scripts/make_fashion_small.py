"""Makes src/iale/data/embedded/fashion-small.npz from the official files of Fashion-MNIST.

    python scripts/make_fashion_small.py

A stratified random subset: 300 training and 100 test images of each class, from the official splits, drawn with
``Stream(0).child("fashion-small", split)`` and kept in the order of the original. ``index_train`` and ``index_test``
say which they are.
"""

from __future__ import annotations

import argparse
import io

import numpy as np
import torch

from iale._storage import write_bytes
from iale.data._sources import embedded_file, fashion_mnist
from iale.data.pool import class_balanced
from iale.seeding import Stream

SIZES = {"train": 3000, "test": 1000}


def main() -> None:
    """Writes the file and says how large it is."""
    whole = fashion_mnist()
    arrays: dict[str, np.ndarray] = {}
    parts = {"train": (whole.train, whole.train_labels), "test": (whole.test, whole.test_labels)}
    for split, (samples, labels) in parts.items():
        stream = Stream(0).child("fashion-small", split)
        chosen = class_balanced(torch.arange(len(samples)), labels, SIZES[split], whole.num_classes, stream)
        chosen = chosen.sort().values
        arrays[f"x_{split}"] = samples.batch(chosen)[:, 0].numpy()
        arrays[f"y_{split}"] = labels[chosen].numpy().astype(np.uint8)
        arrays[f"index_{split}"] = chosen.numpy().astype(np.uint16)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    path = embedded_file("fashion-small.npz")
    write_bytes(path, buffer.getvalue())
    print(f"{path}: {len(buffer.getvalue()):,} bytes")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    main()
