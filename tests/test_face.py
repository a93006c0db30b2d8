"""The public face: a name is public when no part of its dotted path starts with an underscore.

Every public name is offered by its package (``__init__.pyi``), stands on a page of the API reference, and is used by
something other than its own file. A type in the signature of another public name, or a base of one, counts as used.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "iale"
PAGES = sorted((ROOT / "docs" / "reference").glob("*.md"))
ROOT_NAMES = 25

CODE = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
OUTSIDE = [path for folder in ("examples", "scripts", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PROSE = [
    "\n".join(re.findall(r"^```py(?:thon|con)\n(.*?)^```", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL))
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if path not in PAGES
]


def dotted(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_public(name: str) -> bool:
    return not any(part.startswith("_") for part in name.split("."))


def assigned(node: ast.stmt) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    for target in targets:
        yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))


def definitions(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """The names that a module defines, but for those that start with an underscore."""
    for node in ast.parse(CODE[path]).body:
        names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else list(assigned(node))
        yield from ((name, node) for name in names if not name.startswith("_"))


def signatures(node: ast.stmt) -> Iterator[str]:
    """The annotations of a public function, or of a public class's methods and fields, and its bases."""
    if isinstance(node, ast.FunctionDef):
        every = [*node.args.args, *node.args.kwonlyargs]
        yield from (ast.unparse(note) for note in [node.returns, *(arg.annotation for arg in every)] if note)
    elif isinstance(node, ast.AnnAssign):
        yield ast.unparse(node.annotation)
    elif isinstance(node, ast.ClassDef):
        yield from map(ast.unparse, node.bases)
        for inner in node.body:
            if not getattr(inner, "name", "").startswith("_") or getattr(inner, "name", "") == "__init__":
                yield from signatures(inner) if not isinstance(inner, ast.ClassDef) else ()


def public_modules() -> list[Path]:
    return [path for path in CODE if is_public(dotted(path)) and path.name not in ("__init__.py", "__main__.py")]


def face(package: str) -> dict[str, str]:
    """What a package offers, and the module it comes from."""
    stub = SOURCE.parent.joinpath(*package.split("."), "__init__.pyi")
    if not stub.exists():
        return {}
    imports = [node for node in ast.parse(stub.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name: f"{package}.{node.module}" for node in imports for alias in node.names}


PACKAGES = [dotted(path) for path in CODE if path.name == "__init__.py" and is_public(dotted(path))]
FACES = {package: face(package) for package in PACKAGES}
LISTED = {
    name for page in PAGES for name in re.findall(r"^::: ([\w.]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
}


def homes(module: str, name: str) -> set[str]:
    """The paths under which a name of a module may be listed: the module's own, and its packages'."""
    parts = module.split(".")
    return {".".join([*parts[:depth], name]) for depth in range(1, len(parts) + 1)}


@pytest.mark.parametrize("package", [package for package in PACKAGES if FACES[package]])
def test_a_package_offers_what_it_names(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == sorted(FACES[package])
    for name in FACES[package]:
        assert getattr(module, name) is not None


def test_the_root_offers_few_names() -> None:
    assert 0 < len(FACES["iale"]) <= ROOT_NAMES


@pytest.mark.parametrize("path", public_modules(), ids=dotted)
def test_a_public_module_defines_only_what_its_package_offers(path: Path) -> None:
    package = dotted(path.parent / "__init__.py")
    if package == "iale":  # a module beside the packages is a face of its own
        return
    hidden = [name for name, _ in definitions(path) if name not in FACES[package]]
    assert not hidden, f"offer these in {package}/__init__.pyi or make them private: {', '.join(hidden)}"


@pytest.mark.parametrize("path", public_modules(), ids=dotted)
def test_the_reference_lists_every_public_name(path: Path) -> None:
    missing = [name for name, _ in definitions(path) if not homes(dotted(path), name) & LISTED]
    assert not missing, f"no page of docs/reference lists {', '.join(missing)} of {dotted(path)}"


@pytest.mark.parametrize("package", PACKAGES)
def test_the_reference_lists_every_name_of_a_face(package: str) -> None:
    missing = [name for name, module in FACES[package].items() if not (homes(module, name)) & LISTED]
    assert not missing, f"no page of docs/reference lists {', '.join(missing)} of {package}"


def test_the_reference_lists_only_what_exists() -> None:
    def exists(name: str) -> bool:
        module, _, attribute = name.rpartition(".")
        return hasattr(importlib.import_module(module), attribute)

    assert [name for name in sorted(LISTED) if not exists(name)] == []


def references(text: str) -> set[str]:
    """Every name that code refers to; words in comments and docstrings do not count, ``"module:attribute"`` does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.update(re.findall(r"^[\w.]+:(\w+)$", node.value))
    return found


REFERENCES = {path: references(text) for path, text in CODE.items()}
USED_OUTSIDE = {name for path in OUTSIDE for name in references(path.read_text(encoding="utf-8"))} | {
    word for text in PROSE for word in re.findall(r"\w+", text)
}


@pytest.mark.parametrize("path", public_modules(), ids=dotted)
def test_a_public_name_is_used_elsewhere(path: Path) -> None:
    used = USED_OUTSIDE.union(*(names for other, names in REFERENCES.items() if other != path))
    if dotted(path).startswith("iale.testing."):  # made for tests
        used = used.union(*(references(test.read_text(encoding="utf-8")) for test in TESTS))
    own = dict(definitions(path))
    for name, node in own.items():  # a type in the signature of another name, or a base
        used |= {word for text in signatures(node) for word in re.findall(r"\w+", text) if word != name}
    unused = [name for name in own if name not in used]
    for name, node in own.items():
        if isinstance(node, ast.ClassDef):
            members = [n.name for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
            unused += [f"{name}.{member}" for member in members if member not in used]
    assert not unused, f"only {dotted(path)} itself uses {', '.join(unused)}"


def test_words_are_no_references() -> None:
    assert references('"""Confidence."""\n# Margin\nx = "a.b:Badge"\ny.entropy') == {"x", "y", "entropy", "Badge"}
