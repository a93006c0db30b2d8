from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from iale._typed import as_typed
from iale.cli._options import parse
from iale.errors import ConfigError


@dataclass(frozen=True)
class Cycle:
    """Sizes.

    Attributes:
        labeling_budget: labels at the end.
        subset_size: of the sub-pool.
    """

    labeling_budget: int = 100
    subset_size: int | None = 50

    def __post_init__(self) -> None:
        if self.labeling_budget < 1:
            raise ConfigError("the budget must be at least 1.")


@dataclass(frozen=True)
class State:
    """Parts.

    Attributes:
        embedding: see it.
    """

    embedding: bool = True


@dataclass(frozen=True)
class Options:
    """Does something. In two sentences.

    Attributes:
        out: where it
            goes to.
        schedule: which one.
        strategies: which ones.
        sizes: of images.
        rate: of learning.
        cycle: sizes.
        state: parts.
    """

    out: Path
    schedule: Literal["fixed", "exponential"] = "fixed"
    strategies: tuple[str, ...] = ("random", "margin")
    sizes: tuple[int, ...] = ()
    rate: float = 0.5
    cycle: Cycle = field(default_factory=lambda: Cycle(labeling_budget=70))
    state: State = field(default_factory=State)


@dataclass(frozen=True)
class Folders:
    """Reads folders.

    Attributes:
        folders: to read.
        strict: be so.
    """

    folders: tuple[Path, ...] = field(default=(), metadata={"positional": True})
    strict: bool = False


def read(*argv: str) -> Options:
    return parse(Options, ["--out", "x", *argv], prog="iale test", prefixed=("state",))


def test_defaults_are_those_of_the_dataclasses() -> None:
    assert read() == Options(Path("x"))


@pytest.mark.parametrize(
    ("argv", "name", "value"),
    [
        (["--schedule", "exponential"], "schedule", "exponential"),
        (["--strategies", "badge,coreset, ./mine"], "strategies", ("badge", "coreset", "./mine")),
        (["--strategies=badge"], "strategies", ("badge",)),
        (["--sizes", "3,4"], "sizes", (3, 4)),
        (["--sizes", "none"], "sizes", ()),
        (["--rate", "1e-3"], "rate", 1e-3),
        (["--labeling-budget", "5"], "cycle", Cycle(5, 50)),
        (["--labeling_budget", "5"], "cycle", Cycle(5, 50)),
        (["--subset-size", "none"], "cycle", Cycle(70, None)),
        (["--subset-size", "None"], "cycle", Cycle(70, None)),
        (["--subset-size", "-3"], "cycle", Cycle(70, -3)),
        (["--state-embedding", "no"], "state", State(False)),
    ],
)
def test_a_value_reaches_its_field(argv: list[str], name: str, value: Any) -> None:
    assert getattr(read(*argv), name) == value


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--rate", "fast"], "--rate takes a number, not 'fast'."),
        (["--sizes", "1,b"], "--sizes takes a whole number, several with commas between, not '1,b'."),
        (["--subset-size", "x"], "--subset-size takes a whole number or none, not 'x'."),
        (["--schedule", "slow"], "--schedule takes one of fixed, exponential, not 'slow'."),
        (["--state-embedding", "perhaps"], "--state-embedding takes yes or no, not 'perhaps'."),
        (["--labeling-budget", "0"], "the budget must be at least 1."),
        (["--labelling-budget", "3"], "iale test does not know '--labelling-budget': did you mean --labeling-budget? "),
        (["more"], "iale test does not know 'more': "),
        (["--rate", "--sizes", "3"], "--rate needs a value: `iale test --help` lists the options."),
        (["--rate"], "--rate needs a value: `iale test --help` lists the options."),
    ],
)
def test_a_bad_option_is_one_sentence(argv: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(*argv)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr() == ("", "")


def test_a_field_without_default_is_required() -> None:
    with pytest.raises(ConfigError, match="iale test needs --out PATH: where it goes to"):
        parse(Options, [], prog="iale test", prefixed=("state",))


def test_help_is_the_documentation_of_the_fields(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        read("--help")
    assert done.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "usage: iale test" in text
    assert "Does something. In two sentences." in text
    assert "--out PATH where it goes to. (required)" in text
    assert "--labeling-budget INT labels at the end. (default: 70)" in text
    assert "--subset-size INT|none of the sub-pool. (default: 50)" in text
    assert "which ones. (default: random,margin)" in text
    assert "--state-embedding yes|no see it. (default: yes)" in text


def test_positional_arguments() -> None:
    assert parse(Folders, ["a", "b", "--strict", "yes"], prog="iale test") == Folders((Path("a"), Path("b")), True)
    assert parse(Folders, [], prog="iale test") == Folders()


def test_a_type_without_a_written_form_is_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        """Odd."""

        mapping: dict[str, int] = field(default_factory=dict)

    with pytest.raises(TypeError, match="no option can be made"):
        parse(Odd, [], prog="iale test")


def test_show() -> None:
    assert [as_typed(value) for value in (None, (), True, ("a", "b"), 1e-3)] == ["none", "none", "yes", "a,b", "0.001"]
