"""A stand-in for Label Studio, or the real one at LABEL_STUDIO_URL."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.integrations.label_studio import LEGACY, LabelStudio, serve
from tests.integrations.studio import Studio


@pytest.fixture
def stand_in() -> Iterator[LabelStudio]:
    with serve() as studio:
        yield studio


@pytest.fixture(params=["stand-in", pytest.param("real", marks=pytest.mark.label_studio)])
def studio(request: pytest.FixtureRequest) -> Studio:
    if request.param == "stand-in":
        return Studio(request.getfixturevalue("stand_in").url, LEGACY)
    if not (url := os.environ.get("LABEL_STUDIO_URL")):
        pytest.skip("LABEL_STUDIO_URL is not set: docs/label-studio.md explains how to start a server for this test")
    return Studio(url, os.environ["LABEL_STUDIO_API_KEY"])


@pytest.fixture
def fake(stand_in: LabelStudio) -> Studio:
    return Studio(stand_in.url, LEGACY)
