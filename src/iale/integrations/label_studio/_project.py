"""A Label Studio project: its labeling configuration, its tasks with their labels, and our predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from iale.errors import IaleError
from iale.integrations.label_studio._client import Client
from iale.integrations.label_studio._labeling import Labeling, read_label, read_labeling

UNCERTAINTY = "Uncertainty sampling"
"""Label Studio's name for "serve the lowest prediction score first"."""

PREFIX = "iale "
"""The names of our model versions start with this; other versions are never touched."""

_PAGE = 500
_BATCH = 5000  # large, because the server counts all predictions of the project after each batch


@dataclass(frozen=True)
class Task:
    number: int  # its id on the server
    value: str | None  # the address of its image, or its text; None if its data lacks it
    label: int | None  # 0 … C−1, or None until somebody has chosen a class


@dataclass(frozen=True)
class State:
    """A cheap way to see whether a project has changed: its numbers of tasks and of annotations."""

    tasks: int
    annotations: int  # submitted ones; skipped ones do not count


class Project:
    """One project of a Label Studio; ``number`` is its id, which is in the address of its page."""

    def __init__(self, client: Client, number: int) -> None:
        self.client = client
        self._path = f"/api/projects/{number}/"
        self._number = number

    def state(self) -> State:
        counts = self.client.get(self._path, include="task_number,total_annotations_number")
        if not isinstance(counts, dict) or not {"task_number", "total_annotations_number"} <= counts.keys():
            raise self.client.stranger()
        return State(counts["task_number"], counts["total_annotations_number"])

    def labeling(self) -> Labeling:
        """The labeling configuration; raises DataError if it asks for anything but one choice."""
        found = self.client.get(self._path, include="parsed_label_config,label_config")
        return read_labeling(found["parsed_label_config"], found["label_config"])

    def tasks(self, labeling: Labeling) -> list[Task]:
        """All tasks by ascending id, read page by page."""
        fields = "id,data,annotations,result,was_cancelled,updated_at"  # the last three belong to the annotations
        found: dict[int, Task] = {}
        page, total = 1, 1
        while (page - 1) * _PAGE < total:
            answer = self.client.get(
                "/api/tasks/", project=self._number, page=page, page_size=_PAGE, fields="all", include=fields
            )
            for task in answer["tasks"]:
                value = task["data"].get(labeling.field)
                text = value if isinstance(value, str) and value else None
                found[task["id"]] = Task(task["id"], text, read_label(task["annotations"], labeling))
            page, total = page + 1, answer["total"]
        return [found[number] for number in sorted(found)]

    def predict(
        self, version: str, scores: Mapping[int, float], results: Mapping[int, list[dict[str, object]]]
    ) -> None:
        """Writes a model version, makes it the project's, and then deletes our earlier ones.

        The project keeps its old version until everything is written, so a kill in between changes nothing. Of the
        tasks, which are named by their ids, the one with the lowest score is served first; one without a result gets an
        empty prediction.
        """
        predictions = [
            {"task": number, "score": score, "model_version": version, "result": results.get(number, [])}
            for number, score in scores.items()
        ]
        for start in range(0, len(predictions), _BATCH):
            batch = predictions[start : start + _BATCH]
            created = self.client.send("POST", f"{self._path}import/predictions", batch)["created"]
            if created != len(batch):  # the server silently drops what its configuration does not allow
                raise IaleError(
                    f"Label Studio took {created} of {len(batch)} predictions, so its labeling configuration has just "
                    f"changed: start the same command again."
                )
        self.client.send("PATCH", self._path, {"model_version": version, "sampling": UNCERTAINTY})
        for other in self.client.get(f"{self._path}model-versions/"):
            if other.startswith(PREFIX) and other != version:
                self.client.send("DELETE", f"{self._path}model-versions/", {"model_version": other})
