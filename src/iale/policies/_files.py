"""Names of the files of a policy's folder, and the folder of the shipped policies."""

from __future__ import annotations

from pathlib import Path

WEIGHTS, CARD = "weights.safetensors", "card.json"

PRETRAINED = Path(__file__).parent / "pretrained"
