"""Files that name samples which nobody can label: a name on each line, or a table with the column sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from iale.data._skips import read_skipped

NAMES = ["sample_001.png", "sample 2/a.png", "b.png"]


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("sample_001.png\nb.png\n", [0, 2]),  # a name that begins like the column is a name
        ("sample 2/a.png\nsample_001.png\n", [0, 1]),
        ("sample\nb.png\n", [2]),
        ('rank,"Sample"\n1,b.png\n', [2]),
        (" SAMPLE ;why\nb.png;dark\n", [2]),
    ],
)
def test_the_first_line_is_a_header_only_if_a_whole_cell_says_sample(
    text: str, skipped: list[int], tmp_path: Path
) -> None:
    (tmp_path / "skip.txt").write_text(text)
    assert read_skipped(tmp_path / "skip.txt", NAMES) == skipped
