"""``iale label-studio``: makes a Label Studio project ask for the best task next."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from iale.cli._options import is_given, parse
from iale.cli._output import say
from iale.errors import ConfigError
from iale.registry import Registry

TOKEN = "LABEL_STUDIO_API_KEY"

_LOOP = Registry[Any]("part", {name: f"iale.integrations.label_studio.loop:{name}" for name in ("LoopConfig", "run")})


def main(argv: Sequence[str]) -> int:
    config = parse(_LOOP["LoopConfig"], argv, prog="iale label-studio")
    token = os.environ.get(TOKEN, "").strip()
    if not token:
        raise ConfigError(
            f"the environment variable {TOKEN} is empty: set it to a token from Label Studio's page Account & Settings."
        )
    _LOOP["run"](config, token, say, named=is_given(argv, "--strategy"))
    return 0
