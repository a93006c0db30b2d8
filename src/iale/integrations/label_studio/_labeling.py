"""What a labeling configuration asks people for, and what they answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict, cast
from xml.etree import ElementTree

from iale.errors import DataError


class _Input(TypedDict, total=False):
    type: Literal["Image", "Text"]
    value: str
    valueType: str | None


class _Tag(TypedDict):
    type: str
    to_name: list[str]
    inputs: list[_Input]
    labels: list[str]


class _Region(TypedDict, total=False):
    from_name: str
    value: dict[str, list[str]]


@dataclass(frozen=True)
class Labeling:
    """A labeling configuration that asks for one choice per image or text."""

    control: str  # the name of its Choices tag
    shown: str  # the name of the Image or Text tag
    kind: Literal["Image", "Text"]
    field: str  # of a task's data: has the address of the image, or the text
    classes: tuple[str, ...]  # the C values of the choices, in order

    def result(self, name: str) -> list[dict[str, object]]:
        """The result of an annotation or a prediction that chooses the class ``name``."""
        return [{"from_name": self.control, "to_name": self.shown, "type": "choices", "value": {"choices": [name]}}]


def read_labeling(parsed: Mapping[str, _Tag], config: str) -> Labeling:
    """Reads what a configuration asks for, from what the server parsed, by name of the control tag, and from its XML.

    Raises DataError unless it is one choice among at least two classes, for one image or text.
    """
    expected = "expected a Choices tag that takes one of at least two choices for one Image or Text"
    controls = {name: tag for name, tag in parsed.items() if tag["type"] == "Choices"}
    if len(controls) != 1:
        raise DataError(f"the labeling configuration has {len(controls)} Choices tags: {expected}.")
    ((name, tag),) = controls.items()
    inputs = tag["inputs"]
    if len(inputs) != 1 or inputs[0]["type"] not in ("Image", "Text") or inputs[0].get("valueType") == "url":
        kinds = ", ".join(str(shown["type"]) for shown in inputs)
        raise DataError(f"the choice {name!r} is about {kinds or 'nothing'}: {expected}.")
    if "$" in (inputs[0].get("value") or "$"):  # a valueList, or more than a name: "Say: $text"
        raise DataError(
            f"the {inputs[0]['type']} tag of the choice {name!r} does not show a single value of the task: give it the "
            f'name of one field alone, as in value="$image".'
        )
    if len(tag["labels"]) < 2:
        raise DataError(f"the choice {name!r} has fewer than two classes ({len(tag['labels'])}): {expected}.")
    try:
        root = ElementTree.fromstring(config)
    except ElementTree.ParseError as error:
        raise DataError(f"the labeling configuration is not valid XML ({error}): correct it.") from error
    attributes: Mapping[str, str] = next((tag.attrib for tag in root.iter() if tag.get("name") == name), {})
    if attributes.get("choice", "single") == "multiple" or attributes.get("perRegion", "false") == "true":
        raise DataError(f"the choice {name!r} allows several choices, or one per region: {expected}.")
    return Labeling(name, tag["to_name"][0], inputs[0]["type"], inputs[0]["value"], tuple(tag["labels"]))


def read_label(annotations: Sequence[Mapping[str, object]], labeling: Labeling) -> int | None:
    """The class that most annotations of a task chose, 0 … C−1; in a tie, the one chosen last.

    Skipped tasks, empty annotations, and classes that are no longer in the configuration do not count.
    """
    votes: Counter[str] = Counter()
    for annotation in sorted(annotations, key=lambda one: str(one["updated_at"]), reverse=True):
        chosen = [
            choice
            for region in cast(list[_Region], annotation["result"])
            if region.get("from_name") == labeling.control
            for choice in region.get("value", {}).get("choices", [])
        ]
        if not annotation["was_cancelled"] and len(chosen) == 1 and chosen[0] in labeling.classes:
            votes[chosen[0]] += 1
    if not votes:
        return None
    return labeling.classes.index(votes.most_common(1)[0][0])  # in a tie, the first one counted, which is the latest
