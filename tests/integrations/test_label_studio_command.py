"""`iale label-studio` on the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from iale.cli._main import main
from iale.errors import DataError
from tests.integrations.label_studio import LEGACY, LabelStudio
from tests.integrations.studio import Studio, labeled


def test_ctrl_c_stops_the_command(fake: Studio, stand_in: LabelStudio) -> None:
    project, _ = labeled(fake)
    options = f"--project {project} --classifier mlp --epochs 1 --device cpu --poll 0.1"
    command = [sys.executable, "-m", "iale", "label-studio", "--url", fake.url, *options.split()]
    environment = {**os.environ, "LABEL_STUDIO_API_KEY": LEGACY}
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        deadline = time.monotonic() + 60
        while not any(request.startswith("PATCH") for request in stand_in.requests) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert "unlabeled tasks (the classifier mlp, fitted" in err
    assert err.endswith("stopped; run the same command to continue\n")
    assert "Traceback" not in err


def test_a_strategy_that_is_named_is_not_replaced(
    fake: Studio, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("no task can be compared.")

    project, _ = labeled(fake)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", LEGACY)
    monkeypatch.setattr("iale.integrations.label_studio.loop.built_in", fails)
    options = f"label-studio --url {fake.url} --project {project} --classifier mlp --epochs 1 --device cpu --once yes"
    assert main([*options.split(), "--strategy", "eherding"]) == 2
    assert capsys.readouterr().err.endswith("no task can be compared.\n")
    assert main(options.split()) == 0
    assert "margin asks instead of eherding, which compares all samples: no task can" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--url localhost:8080 --project 1", "--url takes the address of a Label Studio"),
        ("--url http://me:secret@localhost --project 1", "--url takes the address of a Label Studio"),
        ("--url http://localhost --project 0", "--project takes the number of a project, not 0"),
        ("--url http://localhost --project 1 --every 0", "--every and --ahead take a number of at least 1"),
        ("--url http://localhost --project 1 --resize 3", "--resize takes a height and a width"),
        ("--url http://localhost --project 1 --poll 0", "--poll takes a number of seconds above 0"),
        ("--url http://localhost --project 1 --classifier deep", "unknown classifier 'deep'"),
        ("--url http://localhost --project 1 --token secret", "does not know '--token'"),
        ("--url http://localhost --project 1", "the environment variable LABEL_STUDIO_API_KEY is empty"),
    ],
)
def test_bad_options(
    options: str, sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    assert main(["label-studio", *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert sentence in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1
