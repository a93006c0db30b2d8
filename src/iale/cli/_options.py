"""The options of a command, made from a dataclass: its fields, types, defaults and documentation.

Nested configurations become flat names, ``cycle.labeling_budget`` → ``--labeling-budget``. The dataclasses know nothing
about the command line. tyro prints the help and splits the arguments; this module writes the errors.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import re
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from iale._closest import did_you_mean
from iale._typed import as_flag, as_typed
from iale.errors import ConfigError
from iale.executors import Executor, open_executor

T = TypeVar("T")


class _BadValue(Exception):
    """Not a ValueError, because tyro would print its own box for one."""


@dataclass(frozen=True)
class _Kind:
    """How values of a type are written on the command line."""

    metavar: str
    wanted: str
    convert: Callable[[str], Any]


@dataclass(frozen=True)
class _Option:
    """One option: the flat form of one field."""

    name: str
    kind: _Kind
    default: Any
    help: str
    positional: bool
    required: bool

    @property
    def flag(self) -> str:
        return as_flag(self.name)


@dataclass(frozen=True)
class WorkerOptions:
    """Where the work runs; the results do not depend on it.

    Attributes:
        workers: how many runs or episodes run side by side, one thread each.
        executor: serial, process or ray; by default serial for one worker and process for more.
        address: address of a running Ray cluster, as HOST:6379; by default Ray runs on this machine.
    """

    workers: int = 1
    executor: str | None = None
    address: str | None = None

    def open(self) -> contextlib.AbstractContextManager[Executor]:
        """The executor; raises ConfigError, before anything is written, if the options contradict each other."""
        return open_executor(self.workers, self.executor, self.address)


def parse(
    cls: type[T], argv: Sequence[str], *, prog: str, prefixed: Collection[str] = (), first: str | None = None
) -> T:
    """An instance of ``cls`` filled from the command line.

    ``cls`` is a dataclass with a docstring: a summary, then "Attributes:". A field with metadata ``positional`` takes
    all arguments without a flag; a field without a default is required. Options of the nested dataclasses in
    ``prefixed`` get the name of the field as a prefix, to keep them apart. The value of the flag ``first`` may also
    stand in front of all options, without the flag. Raises ConfigError if an option is unknown,
    lacks its value or has a bad value, and SystemExit after ``--help``.
    """
    options = list(_flatten(cls, prefixed))
    if first is not None and argv and not argv[0].startswith("-"):
        argv = [first, *argv]
    if not {"-h", "--help"}.isdisjoint(argv):
        argv = ["--help"]  # also in place of a value, as in --invite --help
    values = _values([_told_first(o) if o.flag == first else o for o in options], argv, prog, _documentation(cls)[""])
    for option, value in zip(options, values, strict=True):
        if value is None and option.default is MISSING:
            raise ConfigError(f"{prog} needs {option.flag} {option.kind.metavar}: {option.help}")
    built: T = _build(cls, iter(values))
    return built


def _told_first(option: _Option) -> _Option:
    """The option whose value may stand in front, with help that says so."""
    return dataclasses.replace(option, help=f"{option.help} In front of all options, {option.flag} may be left out.")


def is_given(argv: Sequence[str], flag: str) -> bool:
    """Whether somebody gave an option, perhaps with its default."""
    return any(argument.split("=", 1)[0] == flag for argument in argv)


def listing(cls: type, prefixed: Collection[str] = ()) -> list[tuple[str, str, str, str]]:
    """The flag, value, default and meaning of every option; the default of a required option is "required"."""
    return [
        (
            o.kind.metavar if o.positional else o.flag,
            o.kind.metavar,
            "required" if o.required else as_typed(o.default),
            o.help,
        )
        for o in _flatten(cls, prefixed)
    ]


def _values(options: list[_Option], argv: Sequence[str], prog: str, description: str) -> list[Any]:
    """The value of every option; its default if it was not given."""
    import tyro

    fields = [(o.name, _annotation(o), None if o.default is MISSING else o.default) for o in options]
    flat: Any = dataclasses.make_dataclass("Options", fields)
    box = io.StringIO()
    try:
        with contextlib.redirect_stderr(box):
            parsed, unknown = tyro.cli(
                flat, prog=prog, description=description, args=list(argv), return_unknown_args=True
            )
    except _BadValue as error:
        raise ConfigError(str(error)) from None
    except SystemExit as done:
        if done.code:
            named = re.findall(r"--[\w-]+", box.getvalue())
            flag = next((flag for flag in named if flag in [o.flag for o in options]), "an option")
            raise ConfigError(f"{flag} needs a value: `{prog} --help` lists the options.") from None
        raise
    if unknown:
        hint = did_you_mean(unknown[0], [o.flag for o in options], str)
        raise ConfigError(f"{prog} does not know {unknown[0]!r}: {hint}`{prog} --help` lists the options.")
    return [getattr(parsed, option.name) for option in options]


def _annotation(option: _Option) -> Any:
    import tyro

    def convert(texts: list[str]) -> Any:
        if option.positional:
            return tuple(option.kind.convert(text) for text in texts)
        try:
            return option.kind.convert(texts[0])
        except (KeyError, ValueError):
            raise _BadValue(f"{option.flag} takes {option.kind.wanted}, not {texts[0]!r}.") from None

    spec: Any = tyro.constructors.PrimitiveConstructorSpec(
        nargs="*" if option.positional else 1,
        metavar=option.kind.metavar,
        instance_from_str=convert,
        is_instance=lambda _: True,
        str_from_instance=lambda value: list(map(str, value)) if option.positional else [as_typed(value)],
    )
    hint = "(required)" if option.required else "" if option.positional else None
    name = None if option.positional else option.flag.removeprefix("--")
    argument = tyro.conf.arg(name=name, help=option.help, help_behavior_hint=hint)
    return Annotated[Any, spec, argument, *([tyro.conf.Positional] if option.positional else [])]


def _flatten(cls: type, prefixed: Collection[str], prefix: str = "", default: Any = MISSING) -> Iterator[_Option]:
    """The options of a dataclass in the order of its fields; nested dataclasses are expanded in place."""
    hints, help_texts = get_type_hints(cls), _documentation(cls)
    for field in _fields(cls):
        value = getattr(default, field.name) if default is not MISSING else _default(field)
        hint = hints[field.name]
        if is_dataclass(hint):
            inner = f"{prefix}{field.name}_" if field.name in prefixed else prefix
            yield from _flatten(hint, prefixed, inner, value)  # type: ignore[arg-type]
        else:
            positional = bool(field.metadata.get("positional"))
            required = value is MISSING or bool(field.metadata.get("required"))
            kind = _kind(get_args(hint)[0] if positional else hint)
            yield _Option(prefix + field.name, kind, value, help_texts.get(field.name, ""), positional, required)


def _fields(cls: type) -> list[dataclasses.Field[Any]]:
    """The fields of a dataclass: its own first, because help names what is special to a command first."""
    return sorted(dataclasses.fields(cls), key=lambda field: field.name not in cls.__annotations__)


def _build(cls: Any, values: Iterator[Any]) -> Any:
    """An instance of ``cls`` from the values of its options, in the order of `_flatten`."""
    hints = get_type_hints(cls)
    given = {
        field.name: _build(hints[field.name], values) if is_dataclass(hints[field.name]) else next(values)
        for field in _fields(cls)
    }
    return cls(**given)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _documentation(cls: type) -> dict[str, str]:
    """Texts from the docstrings of a class and its bases: the summary under "", each attribute under its name."""
    import docstring_parser

    texts: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if is_dataclass(base):
            parsed = docstring_parser.parse(base.__doc__ or "")
            texts |= {entry.arg_name: " ".join((entry.description or "").split()) for entry in parsed.params}
            texts[""] = "\n\n".join(filter(None, [parsed.short_description, parsed.long_description]))
    return texts


def _kind(hint: Any) -> _Kind:
    """How values of a type are written; raises TypeError for types that no configuration uses."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        names = {str(choice): choice for choice in inner}
        return _Kind("|".join(names), "one of " + ", ".join(names), names.__getitem__)
    if origin in (Union, types.UnionType):
        return _union([_NONE if each is type(None) else _kind(each) for each in inner])
    if origin is tuple and inner[1:] == (...,):
        kind = _kind(inner[0])
        return _Kind(
            f"{kind.metavar},…",
            f"{kind.wanted}, several with commas between",
            lambda text: () if text == "none" else tuple(kind.convert(part.strip()) for part in text.split(",")),
        )
    raise TypeError(f"no option can be made of the type {hint!r}")


def _union(kinds: list[_Kind]) -> _Kind:
    """A value of one of several kinds: the last that fits, because a name or ``none`` comes last and says most."""

    def convert(text: str) -> Any:
        for kind in reversed(kinds):
            with contextlib.suppress(KeyError, ValueError):
                return kind.convert(text)
        raise ValueError(text)

    return _Kind("|".join(kind.metavar for kind in kinds), " or ".join(kind.wanted for kind in kinds), convert)


_NONE = _Kind("none", "none", lambda text: {"none": None}[text.lower()])

_PLAIN: dict[Any, _Kind] = {
    int: _Kind("INT", "a whole number", int),
    float: _Kind("FLOAT", "a number", float),
    str: _Kind("NAME", "a name", str),
    Path: _Kind("PATH", "a path", Path),
    bool: _Kind("yes|no", "yes or no", lambda text: {"yes": True, "no": False}[text.lower()]),
}
