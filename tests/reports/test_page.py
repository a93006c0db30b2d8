from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from iale import _storage as storage
from iale.benchmark._content import seal
from iale.benchmark.grid import GridConfig
from iale.cli._options import parse
from iale.cli._run import RunOptions
from iale.cli._run import run_command as command
from iale.errors import StorageError
from iale.reports._markup import Table, html_table, markdown
from iale.reports._tables import clock, panel_table, win_table
from iale.reports.report import write_report
from tests.reports.content import panels
from tests.reports.factory import experiment, record, times, write

VOID = {"meta", "br", "link", "img"}


class Checker(HTMLParser):
    """Collects tags, text and whatever is opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def check(html: str) -> Checker:
    """The page, which is whole and needs nothing else."""
    checker = Checker()
    checker.feed(html)
    assert not checker.open
    ids = [attributes["id"] for _, attributes in checker.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in checker.tags:
        assert tag not in ("script", "link", "img", "iframe", "object")
        assert not any(name.startswith("on") for name in attributes)
        for name in ("href", "xlink:href", "src"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "@import" not in html
    return checker


@pytest.fixture
def source(tmp_path: Path) -> Path:
    gains = {"iale": 0.02, "random": 0.0, "margin": 0.01}
    records = experiment(gains, seeds=4) + experiment(gains, seeds=4, cycle={"subset_size": None})
    folder = write(tmp_path / "runs", records)
    for line in times(records):
        storage.append_line(folder / "times.jsonl", line)
    storage.write_json(folder / "machine.json", {"processor": "A <fast> one", "cores": "2", "command": "iale run & go"})
    return folder


def test_a_page_holds_all_it_shows(source: Path, tmp_path: Path) -> None:
    write_report(source, tmp_path / "report")
    html = (tmp_path / "report" / "report.html").read_text()
    checker = check(html)
    text = " ".join(checker.text)
    assert sum(tag == "svg" for tag, _ in checker.tags) == 2
    assert "prefers-color-scheme:dark" in html
    for said in ("A <fast> one", "iale run & go", "torch 2.13.0", "95 % BCa", "peak MB", "% at 100 labels", "IQM %"):
        assert said in text
    tables = [a for tag, a in checker.tags if tag == "div" and a.get("class") == "scroll"]
    assert len(tables) == html.count("<table>")


def test_equal_records_give_equal_files(source: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_report(source, tmp_path / name)
    for file in ("report.html", "report.md", "summary.json", "curves.png"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_nothing_from_records_becomes_markup(tmp_path: Path) -> None:
    evil = '<script>alert("1")</script>|**'
    records = [record(name, s, [0.1, 0.2], [10, 20], dataset=evil) for name in (evil, "random") for s in (0, 1)]
    for each in records:
        each["versions"] = {"iale": evil}
    write_report(write(tmp_path, [seal(each) for each in records]), tmp_path / "report")
    check((tmp_path / "report" / "report.html").read_text())
    page = (tmp_path / "report" / "report.md").read_text()
    code = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
    assert "<script" not in code
    assert all(line.count("|") - line.count("\\|") == 13 for line in code.splitlines() if line.startswith("| Random"))


def test_markdown_and_html_of_one_table() -> None:
    table = Table(["a", "b"], [["x|y", "1"], ["<z>", "22"]], frozenset({1}), {(0, 1): 1.0, (1, 1): -0.5})
    assert markdown(table).splitlines() == [
        "| a             |  b |",
        "|:--------------|---:|",
        "| x\\|y          |  1 |",
        "| **&lt;z&gt;** | 22 |",
    ]
    html = html_table(table)
    assert "&lt;z&gt;" in html
    assert "var(--won) 60%" in html
    assert "var(--lost) 30%" in html


def test_the_matrix_shows_both_sides() -> None:
    (panel,) = panels(experiment({"random": 0.0, "coreset": -0.2}, seeds=6))
    table = win_table(panel)
    assert [line[0] for line in table.lines] == ["Random", "CoreSet"]
    assert table.lines[0][2].startswith("6-0-0 +")
    assert table.lines[1][1].startswith("0-0-6 −")
    assert table.lines[0][2].endswith("*")  # p = 2 / 2⁶ = 0.031
    assert (table.shades[0, 2], table.shades[1, 1]) == (1.0, -1.0)
    assert table.lines[0][1] == table.lines[1][2] == "·"


def test_the_command_makes_the_same_configuration() -> None:
    records = experiment({"random": 0.0, "margin": 0.0}, seeds=3, test_size=50, cycle={"subset_size": None})
    for each in records:
        each["seed"] += 4
    (panel,) = panels(records)
    words = command(panel).split()
    assert words[:2] == ["iale", "run"]
    options = parse(RunOptions, words[2:], prog="iale run")
    config = options.config
    assert (config.dataset, config.classifier, config.test_size) == ("digits", "mlp", 50)
    assert (config.seeds, config.first_seed, config.pools) == (3, 4, ("whole",))
    assert set(config.strategies) == {"random", "margin"}
    assert (config.cycle.labeling_budget, config.training.epochs) == (200, 5)
    assert config.cycle.subset_size == GridConfig().cycle.subset_size


def test_times_of_day() -> None:
    assert [clock(s) for s in (0.04, 59.4, 61, 36000 + 62)] == ["0.04 s", "59.4 s", "0:01:01", "10:01:02"]


def test_oracles_are_no_heuristics() -> None:
    (panel,) = panels(experiment({"best-of-random": 0.2, "margin": 0.01, "random": 0.0}))
    assert panel.best_heuristic is not None
    assert panel.best_heuristic.name == "margin"


def test_a_damaged_machine_file_is_said_in_one_sentence(source: Path, tmp_path: Path) -> None:
    (source / "machine.json").write_text("{")
    with pytest.raises(StorageError, match=r"machine\.json is not readable JSON"):
        write_report(source, tmp_path / "report")


def test_the_summary_holds_all_numbers(source: Path, tmp_path: Path) -> None:
    write_report(source, tmp_path / "report")
    first = json.loads((tmp_path / "report" / "summary.json").read_text())["panels"][0]
    assert len(first["pairs"]) == 3 * 2
    assert set(first["accuracy_at"]) == {"100", "200"}
    assert len(first["costs"]) == 3
    policy = next(s for s in first["strategies"] if s["name"] == "iale")
    assert policy["against_random"]["verdict"] in ("holds", "undecided")
    assert len(policy["against_random"]["bootstrap"]) == 2


def test_a_seed_has_no_interquartile_mean_but_itself() -> None:
    (panel,) = panels(experiment({"random": 0.0}, seeds=1))
    (line,) = panel_table(panel).lines
    assert line[2] == line[3]
