"""What the site needs beyond `mkdocs.yml`: the list of reference pages, and fences around the doctests of docstrings.

MkDocs loads this file as a hook, and mkdocstrings as an extension of Griffe. Run neither by hand: `make docs` does.
"""

from __future__ import annotations

import re
from pathlib import Path

import griffe
from mkdocs.config.defaults import MkDocsConfig

_PLACEHOLDER = "reference/"
_DOCTEST = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Lists the pages of docs/reference, so that a new page is in the navigation without another line."""
    pages = sorted(path.name for path in (Path(config.docs_dir) / _PLACEHOLDER).glob("*.md"))
    pages.sort(key=lambda name: name != "index.md")  # stable: the others keep their order
    for entry in config.nav or []:
        for title, target in entry.items():
            if target == _PLACEHOLDER:
                entry[title] = [f"{_PLACEHOLDER}{name}" for name in pages]
    return config


class FencedDoctests(griffe.Extension):
    """Fences bare doctests: Markdown reads `>>>` as a quote of a quote of a quote."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Griffe calls this once for every object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = _DOCTEST.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
