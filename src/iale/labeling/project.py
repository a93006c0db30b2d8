"""A labeling project: a folder with a configuration, a journal and fits; all that people do goes through it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from iale.classifiers.base import TrainingConfig
from iale.labeling.items import Items, Shown
from iale.labeling.journal import Event, Reason
from iale.labeling.status import Status


@dataclass(frozen=True)
class ProjectConfig:
    """What is labelled, and how the next samples are chosen.

    Attributes:
        data: a folder of images, an .npz file, or a .csv file of texts or feature rows.
        classes: names of the classes; more may be added while labeling.
        strategy: a strategy, a shipped policy, or the folder of a policy; "auto" is the first shipped policy that fits
            the classifier, or else margin.
        classifier: the classifier that is fitted: cnn, mlp or resnet18; "auto" is cnn for images, mlp for the rest.
        model: a PyTorch model of your own instead, as package.module:function, where function() returns it.
        embedding_layer: the layer of your model whose output is the embedding.
        resize: height,width to which images are resized for the classifier; none keeps small images of one size, and
            takes 64,64 otherwise.
        subset_size: size of the random part of the unlabelled samples that a query looks at; none looks at all.
        fit_every: new labels after which the classifier is fitted again.
        test_share: share of the labels that are drawn at random and kept as an honest test set.
        twice_share: share of the samples that a second person labels too, where there are several people.
        lease_minutes: how long a sample that was handed out is kept for the person who got it.
        seed: root of every draw.
        training: how the classifier is fitted.
    """

    data: Path
    classes: tuple[str, ...] = ()
    strategy: str = "auto"
    classifier: str = "auto"
    model: str | None = None
    embedding_layer: str | None = None
    resize: tuple[int, ...] = ()
    subset_size: int | None = 1000
    fit_every: int = 10
    test_share: float = 0.1
    twice_share: float = 0.05
    lease_minutes: float = 15.0
    seed: int = 0
    training: TrainingConfig = field(default_factory=TrainingConfig)


@dataclass(frozen=True)
class Ticket:
    """One sample that was handed to a person.

    Attributes:
        sample: its id.
        reason: why it is asked for.
        until: when the lease ends, in seconds since 1970.
        guess: classes with their probabilities by the last finished model, best first; empty where there is none, and
            for samples of the test share and second opinions, which the guess would bias.
    """

    sample: str
    reason: Reason
    until: float
    guess: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Labelled:
    """One labelled or skipped sample, as a gallery shows it.

    Attributes:
        sample: its id.
        label: the name of its class; None where it was skipped.
        person: who decided.
        time: when, in seconds since 1970.
        note: why it was left out.
        guess: as in `Ticket`.
    """

    sample: str
    label: str | None
    person: str
    time: float
    note: str = ""
    guess: tuple[tuple[str, float], ...] = ()


class Project:
    """A project that is open. Threads may share it; other processes may have it open, too, and write by turns.

    Attributes:
        folder: where it lies.
        config: what was asked for.
        items: the samples and how to show them.
        notices: sentences on what was found damaged, deleted or changed.
    """

    folder: Path
    config: ProjectConfig
    items: Items
    notices: list[str]

    @classmethod
    def create(cls, folder: Path, config: ProjectConfig) -> Project:
        """Makes a project; raises ConfigError where there is one, DataError where there is nothing to label."""
        raise NotImplementedError

    @classmethod
    def open(cls, folder: Path, *, data: Path | None = None) -> Project:
        """Opens a project; ``data`` says where its samples have been moved.

        Raises:
            StorageError: there is no project, or its files are damaged.
        """
        raise NotImplementedError

    @classmethod
    def create_or_open(cls, folder: Path, config: ProjectConfig) -> Project:
        """Goes on with the project in ``folder``, or makes one.

        Strategy, classifier and its training may differ from what they were, classes may be added. Raises ConfigError
        where the data, the seed or the shares differ.
        """
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """What a sample is: "image", "text" or "row"."""
        raise NotImplementedError

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order in which they were added."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """The number of samples."""
        raise NotImplementedError

    def next(self, person: str, count: int, *, tab: str = "", have: Collection[str] = ()) -> list[Ticket]:
        """Hands out samples to label, best first; fewer where there are no more. It never waits for a fit.

        Args:
            person: who will label them.
            count: how many the tab wants to hold in all.
            tab: one of several windows of the person; none of them gets a sample of another.
            have: ids that the tab holds already: they are kept for it longer and not handed out again. What else it
                was given and has not answered comes first.
        """
        raise NotImplementedError

    def label(self, person: str, sample: str, label: str, *, key: str = "") -> Event:
        """Records a label, also another one for a labelled sample; it is on the disk when this returns.

        The same label again, or the same key, records nothing and returns the event there is.

        Raises:
            DataError: there is no such sample, class or person's name.
            StorageError: it cannot be written; nothing was recorded.
        """
        raise NotImplementedError

    def skip(self, person: str, sample: str, *, note: str = "", key: str = "") -> Event:
        """Records that a person cannot tell, or, with a note, why the sample is left out; it is not asked for again."""
        raise NotImplementedError

    def undo(self, person: str, sample: str | None = None, *, key: str = "") -> Event | None:
        """Takes back the person's last label or skip (of ``sample``); None where there is none."""
        raise NotImplementedError

    def add_class(self, person: str, name: str, *, key: str = "") -> Event | None:
        """Adds a class; None where there is one of that name."""
        raise NotImplementedError

    def labels(self) -> dict[str, str]:
        """The class of every labelled sample that is there unchanged, by id, in the order of the decisions."""
        raise NotImplementedError

    def counts(self) -> dict[str, int]:
        """Labelled samples by class."""
        raise NotImplementedError

    def labelled(self, label: str | None = None, offset: int = 0, count: int = 100) -> list[Labelled]:
        """Labelled samples of a class, or of all, the newest first."""
        raise NotImplementedError

    def skipped(self, offset: int = 0, count: int = 100) -> list[Labelled]:
        """Samples that were skipped, the newest first."""
        raise NotImplementedError

    def history(self, sample: str) -> list[Event]:
        """All that happened to a sample: labels, skips and undos."""
        raise NotImplementedError

    def people(self) -> dict[str, int]:
        """Who labelled how many."""
        raise NotImplementedError

    def name(self, sample: str) -> str:
        """The path of an image below the folder, or the row of an array or table."""
        raise NotImplementedError

    def path(self, sample: str) -> Path:
        """The file of an image; raises DataError where it was deleted or changed since the project was opened."""
        raise NotImplementedError

    def show(self, sample: str) -> Shown:
        """The content of a sample for people: uint8 [H, W] or [H, W, 3], a text, or the cells of a row by column."""
        raise NotImplementedError

    def status(self) -> Status:
        """Counts, accuracy, what another batch would bring, and whether to stop; cheap enough to poll."""
        raise NotImplementedError

    def close(self) -> None:
        """Ends the fitting process."""
        raise NotImplementedError

    def start_fitting(self) -> None:
        """Starts the fitting process, which fits whenever enough labels have come; without it nothing is fitted."""
        raise NotImplementedError


def ids_of(tickets: Sequence[Ticket]) -> list[str]:
    """The samples of tickets."""
    return [ticket.sample for ticket in tickets]
