"""What a Label Studio project holds: its labeling configuration, its tasks with their labels, and our predictions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

from iale.errors import ConfigError, DataError, IaleError
from iale.integrations.label_studio._client import Client

UNCERTAINTY = "Uncertainty sampling"
"""Label Studio's name for "the lowest prediction score first"."""

PREFIX = "iale "
"""How the names of our model versions begin; others are never touched."""

_PAGE = 500
_BATCH = 5000  # the server counts all predictions of the project after each


@dataclass(frozen=True)
class Labeling:
    """A labeling configuration that asks for one choice per image or text.

    Attributes:
        control: the name of its Choices tag.
        shown: the name of the Image or Text tag.
        kind: what a task shows.
        field: where a task's data has its address or text.
        classes: the C values of the choices, in order.
    """

    control: str
    shown: str
    kind: Literal["Image", "Text"]
    field: str
    classes: tuple[str, ...]

    def result(self, name: str) -> list[dict[str, Any]]:
        """An annotation's or prediction's result that chooses the class ``name``."""
        choice = {"from_name": self.control, "to_name": self.shown, "type": "choices", "value": {"choices": [name]}}
        return [choice]


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        number: its id on the server.
        value: the address of its image, or its text; None where its data lacks it.
        label: 0 … C−1, or None while nobody has chosen a class.
    """

    number: int
    value: str | None
    label: int | None


@dataclass(frozen=True)
class State:
    """What tells, at little cost, whether a project has changed.

    Attributes:
        tasks: how many there are.
        annotations: how many were submitted; skipped ones do not count.
    """

    tasks: int
    annotations: int


class Project:
    """One project of a Label Studio.

    Args:
        client: where it is.
        number: its id, the number in its address.
    """

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self._path = f"/api/projects/{number}/"
        self._number = number

    def state(self) -> State:
        """The counts now."""
        counts = self.client.get(self._path, include="task_number,total_annotations_number")
        if not isinstance(counts, dict) or not {"task_number", "total_annotations_number"} <= counts.keys():
            raise ConfigError(f"{self.client.url} does not answer as a Label Studio does: check the address.")
        return State(counts["task_number"], counts["total_annotations_number"])

    def labeling(self) -> Labeling:
        """The labeling configuration; raises DataError where it asks for something else than one choice."""
        found = self.client.get(self._path, include="parsed_label_config,label_config")
        return read_labeling(found["parsed_label_config"], found["label_config"])

    def tasks(self, labeling: Labeling) -> list[Task]:
        """All tasks by ascending id, read page by page."""
        wanted = "id,data,annotations,result,was_cancelled,updated_at"  # the last three are an annotation's
        found: dict[int, Task] = {}
        page, total = 1, 1
        while (page - 1) * _PAGE < total:
            answer = self.client.get(
                "/api/tasks/", project=self._number, page=page, page_size=_PAGE, fields="all", include=wanted
            )
            for task in answer["tasks"]:
                value = task["data"].get(labeling.field)
                text = value if isinstance(value, str) and value else None
                found[task["id"]] = Task(task["id"], text, read_label(task["annotations"], labeling))
            page, total = page + 1, answer["total"]
        return [found[number] for number in sorted(found)]

    def predict(self, version: str, scores: Mapping[int, float], results: Mapping[int, list[dict[str, Any]]]) -> None:
        """Writes a model version and makes it the project's; earlier ones of ours are deleted behind it.

        Until all is written the project keeps its old version, so a kill in between changes nothing.

        Args:
            version: its name, a new one.
            scores: of each task, by id; the lowest is served first.
            results: what is predicted, by id; nothing where a task is not in it.
        """
        predictions = [
            {"task": number, "score": score, "model_version": version, "result": results.get(number, [])}
            for number, score in scores.items()
        ]
        for start in range(0, len(predictions), _BATCH):
            batch = predictions[start : start + _BATCH]
            created = self.client.send("POST", f"{self._path}import/predictions", batch)["created"]
            if created != len(batch):  # the server drops what its configuration does not allow, and says nothing
                raise IaleError(
                    f"Label Studio took {created} of {len(batch)} predictions: its labeling configuration was changed "
                    f"meanwhile; start the same command again."
                )
        self.client.send("PATCH", self._path, {"model_version": version, "sampling": UNCERTAINTY})
        for other in self.client.get(f"{self._path}model-versions/"):
            if other.startswith(PREFIX) and other != version:
                self.client.send("DELETE", f"{self._path}model-versions/", {"model_version": other})


def read_labeling(parsed: Mapping[str, Any], config: str) -> Labeling:
    """The one choice that a labeling configuration asks for.

    Args:
        parsed: the configuration as the server parsed it, by name of the control tag.
        config: the same in XML.

    Raises:
        DataError: it does not ask for one choice among at least two classes, of one image or text.
    """
    wanted = "a Choices tag with at least two choices, one of which is chosen, for one Image or Text was expected"
    controls = {name: tag for name, tag in parsed.items() if tag["type"] == "Choices"}
    if len(controls) != 1:
        raise DataError(f"the labeling configuration has {len(controls)} Choices tags: {wanted}.")
    ((name, tag),) = controls.items()
    inputs = tag["inputs"]
    if len(inputs) != 1 or inputs[0]["type"] not in ("Image", "Text") or inputs[0].get("valueType") == "url":
        kinds = ", ".join(str(shown["type"]) for shown in inputs)
        raise DataError(f"the choice {name!r} is about {kinds or 'nothing'}: {wanted}.")
    if "$" in (inputs[0].get("value") or "$"):  # a valueList, or more than a name: "Say: $text"
        raise DataError(
            f"the {inputs[0]['type']} tag of the choice {name!r} does not show one value of a task as it is: give it "
            f'the name of one alone, as in value="$image".'
        )
    if len(tag["labels"]) < 2:
        raise DataError(f"the choice {name!r} has {len(tag['labels'])} classes: {wanted}.")
    attributes = _attributes(config, name)
    if attributes.get("choice", "single") == "multiple" or attributes.get("perRegion", "false") == "true":
        raise DataError(f"the choice {name!r} allows several choices, or one per region: {wanted}.")
    return Labeling(name, tag["to_name"][0], inputs[0]["type"], inputs[0]["value"], tuple(tag["labels"]))


def read_label(annotations: Sequence[Mapping[str, Any]], labeling: Labeling) -> int | None:
    """The class that most annotations of a task chose, 0 … C−1; among equals the one chosen last.

    Skipped tasks, empty annotations and classes that are no more in the configuration do not count.
    """
    votes: Counter[str] = Counter()
    for annotation in sorted(annotations, key=lambda one: str(one["updated_at"]), reverse=True):
        chosen = [
            choice
            for region in annotation["result"]
            if region.get("from_name") == labeling.control
            for choice in region.get("value", {}).get("choices", [])
        ]
        if not annotation["was_cancelled"] and len(chosen) == 1 and chosen[0] in labeling.classes:
            votes[chosen[0]] += 1
    if not votes:
        return None
    return labeling.classes.index(votes.most_common(1)[0][0])  # among equals, the first that was counted


def _attributes(config: str, name: str) -> Mapping[str, str]:
    """The attributes of the tag called ``name``."""
    try:
        root = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise DataError(f"the labeling configuration is no XML ({error}): correct it.") from error
    return next((tag.attrib for tag in root.iter() if tag.get("name") == name), {})
