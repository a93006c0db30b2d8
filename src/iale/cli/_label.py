"""``iale label``: a page on which people label what a strategy asks for."""

from __future__ import annotations

import gc
import getpass
import ipaddress
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from iale._many import many
from iale._typed import as_flag, as_typed
from iale.classifiers._own import find_model
from iale.cli._device import no_device
from iale.cli._invite import invite, invites
from iale.cli._options import is_given, parse
from iale.cli._output import check_folder, say
from iale.cli._readable import say_of_a_split
from iale.cli._set_aside import show_set_aside
from iale.errors import ConfigError
from iale.executors import ProcessExecutor
from iale.geometry.encoders import check_encoder
from iale.labeling.fitting._process import warm_process
from iale.labeling.importing import import_labels
from iale.labeling.items._images import ImageItems
from iale.labeling.project import Project
from iale.labeling.queue._carrying import By
from iale.labeling.record._alone import SERVED_ELSEWHERE
from iale.labeling.record._config_file import has_config, load_config
from iale.labeling.record._names import clean
from iale.labeling.record.config import ProjectConfig
from iale.labeling.suggesting._predictions import import_suggestions
from iale.policies.catalog import find_strategy
from iale.recipe import AUTO, check_model, check_options
from iale.registry import Registry

_TOLD_ELSEWHERE = ("data", "classes", "embeddings", "table", "training")
_Serve = Callable[..., None]
PAGES = Registry[Callable[[str, int], AbstractContextManager[_Serve]]](
    "page", {"label": "iale.integrations.label._server:listening"}
)
"""What listens at a host and a port, and then serves projects. It is reached by name: it needs optional packages."""


@dataclass(frozen=True)
class LabelOptions:
    """Opens a page on which people label: `iale label DATA --classes cat,dog --out PROJECT`.

    The classifier is refitted in the background while you label; the strategy asks for the samples that help it most.
    The same command continues where it was stopped. Every label is on disk before the page calls it saved.
    `iale label PROJECT --invite NAME` makes a token for a person instead; `iale label --invite --help` says more.

    Attributes:
        out: folder of the project: its journal of labels and its fits.
        host: address to listen on; only this machine can reach the page unless you name another.
        port: port to listen on; 0 picks a free one.
        labels: existing labels for a project that has none yet: a table with the columns sample and label, the table of
            the data itself, or a folder of class folders inside the data.
        suggestions: predictions to show beside the samples, also from a language model: a table with the columns sample
            and label, and optionally probability and source. The status tells how often each source is right.
        take_over: name or content: before labeling, takes over answers that are set aside because their samples were
            renamed, moved or changed, to the sample with the same name or the same content. Without this option, they
            are only listed.
        person: your name, which the page fills in. By default your login name; if others can reach the page, it asks.
        policy: a built-in policy, or the folder of your own, to use instead of the strategy.
        verbose: list the files that are passed over; by default they are counted.
        project: what people label, and how.
    """

    out: Path
    project: ProjectConfig
    host: str = "127.0.0.1"
    port: int = 8414
    labels: Path | None = None
    suggestions: Path | None = None
    take_over: By | None = None
    person: str | None = None
    policy: str | None = None
    verbose: bool = False


def main(argv: Sequence[str]) -> int:
    if invites(argv):
        return invite(argv)
    options = parse(LabelOptions, argv, prog="iale label", first="--data")
    options = _with_policy(options, named=is_given(argv, "--strategy"))
    listening = PAGES["label"]
    _check(options)
    with listening(options.host, options.port) as serve:  # or nothing is made that nobody could see
        folder = check_folder(options.out)
        process = warm_process()  # it imports while the project is opened
        try:
            before = load_config(folder) if has_config(folder) else None
            project = Project.create_or_open(folder, options.project)
            if before is not None and (other := _other_options(before, project.config)):
                say(f"other options than at the last start: {', '.join(other)}")
            _label(project, options, process, serve)
        finally:
            process.stop()
    return 0


def _other_options(before: ProjectConfig, now: ProjectConfig) -> list[str]:
    """What differs between two starts: a shorter command takes the defaults, perhaps unawares."""

    def flat(config: ProjectConfig) -> dict[str, object]:
        own = asdict(config)
        return {**{name: own[name] for name in own if name not in _TOLD_ELSEWHERE}, **own["training"]}

    then = flat(before)
    return [
        f"{as_flag(name)} {as_typed(value)}, not {as_typed(then[name])}"
        for name, value in flat(now).items()
        if value != then[name]
    ]


def _label(project: Project, options: LabelOptions, process: ProcessExecutor, serve: _Serve) -> None:
    try:
        check_model(project.config, project.reader.views.inputs.shape, len(project.classes))
        if project.items.about:
            say(f"{project.config.data}: {project.items.about}")
        say_of_a_split(project.config.data)
        for notice in project.notices:
            say(notice)
        if why := no_device(options.project.training.device):
            say(f"labels are kept and nothing is fitted: {why}")
        if options.verbose and isinstance(project.items, ImageItems):
            for line in project.items.passed_over.listing():
                say(line)
        show_set_aside(project, options.take_over)
        with project.reader.ledger.reading() as answers:
            removed = [name for name in options.project.classes if answers.classes.now(name) is None]
        for name in removed:
            say(f"the class {name} was removed, and stays so; + Class on the page brings it back")
        if options.labels is not None:
            _import(project, options.labels)
        if options.suggestions is not None:
            count = import_suggestions(project, options.suggestions, say)
            say(f"{many(count, 'suggestion')} came from {options.suggestions}")
        project.start_fitting(process)
        if project.reader.served_elsewhere:
            say(SERVED_ELSEWHERE)
        classes = ", ".join(project.classes) or "none yet, the page adds them"
        say(f"{many(project.count)}, classes: {classes}; open this address in a browser, Ctrl-C ends:")
        gc.freeze()  # nothing of what was imported becomes garbage: neither a key nor the end waits for a search of it
        serve(project, person=_person(options))
    finally:
        project.close()


def _import(project: Project, path: Path) -> None:
    if project.labels():
        how = "import_folders" if path.is_dir() else "import_csv"
        say(
            f"{project.folder} has labels already, so {path} was not read; iale.labeling.{how} adds its labels, and "
            f"replaces those that differ"
        )
        return
    before = project.classes
    say(f"{many(import_labels(project, path, say=say), 'label')} came from {path}")
    added = [name for name in project.classes if name not in before]
    if before and added:
        say(f"{path} adds the {'class' if len(added) == 1 else 'classes'} {', '.join(added)}")


def _with_policy(options: LabelOptions, *, named: bool) -> LabelOptions:
    """A policy is a strategy, so the project stores it as one, but not in place of one that the user ``named``."""
    if options.policy is None:
        return options
    if named:
        raise ConfigError(f"--strategy {options.project.strategy} and --policy {options.policy}: name one of them.")
    return replace(options, project=replace(options.project, strategy=options.policy))


def _check(options: LabelOptions) -> None:
    """Raises now, before anything is written, what the first fit would raise after people had labeled for nothing."""
    config = options.project
    # A project among the photos would be passed over, file by file, ever after.
    if options.out.resolve() == config.data.resolve() and not has_config(options.out):
        raise ConfigError(f"--out is the folder of the samples: name one of its own, such as {options.out}-labels.")
    if config.strategy != AUTO:
        find_strategy(config.strategy)
    if config.model is not None:
        find_model(config.model)
    if config.with_ is not None:
        check_encoder(config.with_)
    check_options(config)
    if options.person:
        clean(options.person, "the name of --person")
    if options.labels is not None and not options.labels.exists():
        raise ConfigError(f"there is no {options.labels}: --labels takes a CSV file, or a folder inside the data.")
    if options.suggestions is not None and not options.suggestions.is_file():
        raise ConfigError(f"there is no file {options.suggestions}: --suggestions takes a table of predictions.")


def _person(options: LabelOptions) -> str:
    if options.person is not None:
        return options.person
    try:
        alone = options.host == "localhost" or ipaddress.ip_address(options.host).is_loopback
        return getpass.getuser() if alone else ""
    except (ValueError, KeyError, OSError):  # the host is a name, or the user has none
        return ""
