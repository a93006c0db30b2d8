"""The command ``iale``: finds the subcommand and turns errors into one sentence.

Nothing heavy is imported before a command is chosen, so that ``iale --help`` answers at once.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from iale.errors import IaleError, IaleWarning
from iale.registry import Registry

SUMMARIES = {
    "demo": "train a small policy and compare it on data it has not seen (minutes, no download)",
    "query": "choose which of your samples to label next",
    "embed": "turn your samples into vectors with a pretrained encoder",
    "label": "open a page where people label the samples that help most",
    "status": "show how a labeling project stands, and what more labels would bring",
    "repair": "set damaged lines of a labeling project aside, and keep everything else",
    "export": "export labels, classifier or scores from a labeling project",
    "label-studio": "choose what a Label Studio project asks for next",
    "run": "compare strategies over seeds on a data set",
    "report": "draw curves and tables from the records of runs",
    "bench": "repeat an experiment by its name, of the paper or of our own, with its figure",
    "train": "train a policy on one data set by imitation (DAgger)",
    "train-alil": "train an ALIL policy, the learned baseline, on one data set",
    "policies": "list the policies that come with iale, or show one's card",
    "data": "list the data sets, or download one",
}
"""What `iale --help` says of each command."""

COMMANDS = Registry[Callable[[Sequence[str]], int]](
    "command",
    {name: f"iale.cli._{name.replace('-', '_')}:main" for name in SUMMARIES}
    | {"train-alil": "iale.cli._train:main_alil"},
)
"""The commands by name: functions from a list of arguments to an exit code."""


_STOPPED = "stopped; run the same command to continue"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit code.

    That is 0; 2 for bad input, after one sentence on stderr; 130 after Ctrl-C, 143 after SIGTERM; 141 if the reader of
    the output left.

    Args:
        argv: the arguments without the program's name; those of this process by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # if a terminal lacks a character, print the rest
            stream.reconfigure(errors="backslashreplace")
    try:
        with warnings.catch_warnings(), _ended_by_others():
            warnings.showwarning = _warn
            code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except SystemExit as done:  # a command's --help, or SIGTERM
        return int(done.code or 0)
    except KeyboardInterrupt as stop:
        print("\n" + (str(stop) or _STOPPED), file=sys.stderr)
        return 130
    except BrokenPipeError:
        _drop_output()
        return 141
    except IaleError as error:
        return _fail(str(error))
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        _drop_output()
        return _fail(
            "memory ran out: close other programs, or give the command less to do at once, such as a smaller "
            "--subset-size."
        )
    except OSError as error:
        _drop_output()
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}; check the path, its permissions and the free space.")


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    from iale.classifiers._chunks import is_out_of_memory  # loads PyTorch, which most commands need and some do not

    return isinstance(error, MemoryError) or is_out_of_memory(error)


@contextlib.contextmanager
def _left_at_once() -> Iterator[None]:
    """Lets Ctrl-C end this process while modules are imported, for seconds, and nothing has begun that has to be ended.

    Some of them lose an exception that arises in them, and others abort.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before is not signal.default_int_handler:
        yield
        return

    def leave(*_: object) -> None:
        os.write(sys.stderr.fileno(), f"\n{_STOPPED}\n".encode())
        os._exit(130)

    signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _ended_by_others() -> Iterator[None]:
    """Lets SIGTERM, as of `kill` and `docker stop`, end a command as an error does: it ends its processes, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _usage() -> str:
    width = max(map(len, SUMMARIES))
    commands = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in SUMMARIES.items())
    return (
        "usage: iale COMMAND [OPTIONS]\n\n"
        "Tells you which samples to label next.\n\n"
        f"commands:\n{commands}\n\n"
        "`iale COMMAND --help` lists the options of a command; `iale --version` prints the version."
    )


def _dispatch(argv: list[str]) -> int:
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if argv[0] in ("-V", "--version"):
        from importlib.metadata import version

        print(f"iale {version('iale')}")
        return 0
    with _left_at_once():
        command = COMMANDS[argv[0]]
    return command(argv[1:])


def _fail(message: str) -> int:
    print("iale:", " ".join(message.split()), file=sys.stderr)
    return 2


def _warn(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Prints a warning of iale as a sentence; those of other packages, and of a user's model, say where they arose."""
    if issubclass(category, IaleWarning):
        print(" ".join(str(message).split()), file=sys.stderr)
    else:
        print(warnings.formatwarning(message, category, filename, lineno, line), end="", file=file or sys.stderr)


def _drop_output() -> None:
    """Points stdout at nothing, so that the interpreter does not fail again when it flushes at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
