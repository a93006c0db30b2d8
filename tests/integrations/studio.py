"""What a person does in Label Studio, for tests of the loop."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any
from urllib.request import Request

import numpy as np
from PIL import Image

from iale.active_learner import ActiveLearner
from iale.classifiers.base import TrainingConfig
from iale.classifiers.build import build_classifier
from iale.data.arrays import ArraySamples
from iale.integrations.label_studio._client import Client
from iale.integrations.label_studio._labeling import Labeling
from iale.integrations.label_studio.loop import LoopConfig, run

CLASSES = ("dark", "grey", "bright")
CHOICES = "".join(f'<Choice value="{name}"/>' for name in CLASSES)
IMAGES = f'<View><Image name="image" value="$picture"/><Choices name="class" toName="image">{CHOICES}</Choices></View>'
TEXTS = (
    '<View><Text name="text" value="$text"/><Choices name="about" toName="text" choice="single">'
    '<Choice value="Fruit" alias="fruit"/><Choice value="Tools" alias="tools"/></Choices></View>'
)
TRAINING = TrainingConfig(epochs=3, device="cpu")
COUNT = 30


class Studio:
    """A server, real or not, and what a person does there."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.client = Client(url, token)

    def config(self, project: int, **changes: Any) -> LoopConfig:
        base = {"classifier": "mlp", "resize": (8, 8), "once": True, "training": TRAINING}
        return LoopConfig(self.url, project, **{**base, **changes})

    def run(self, project: int, sleep: Callable[[float], None] = time.sleep, **changes: Any) -> list[str]:
        """One round by default; what the loop said."""
        said: list[str] = []
        run(self.config(project, **changes), self.token, said.append, sleep)
        return said

    def create(self, config: str) -> int:
        number: int = self.client.send("POST", "/api/projects/", {"title": "iale", "label_config": config})["id"]
        return number

    def upload(self, project: int, pictures: np.ndarray[Any, Any]) -> list[int]:
        """Puts images [N, H, W] into the project; the ids of their tasks in the same order."""
        body = b""
        for number, picture in enumerate(pictures):
            head = f'Content-Disposition: form-data; name="{number}"; filename="an image {number:02d}.png"\r\n'
            body += b"--limit\r\n" + head.encode() + b"Content-Type: image/png\r\n\r\n" + png(picture) + b"\r\n"
        request: Request = self.client._authorized(
            "POST", f"{self.url}/api/projects/{project}/import", body + b"--limit--\r\n"
        )
        request.add_header("Content-Type", "multipart/form-data; boundary=limit")
        self.client._open(request)
        return [task["id"] for task in self.tasks(project)]

    def tasks(self, project: int) -> list[Any]:
        answer = self.client.get("/api/tasks/", project=project, page=1, page_size=1000, fields="all")
        return sorted(answer["tasks"], key=lambda task: int(task["id"]))

    def scores(self, project: int) -> dict[int, float]:
        return {task["id"]: one["score"] for task in self.tasks(project) for one in task["predictions"]}

    def next(self, project: int) -> int:
        number: int = self.client.get(f"/api/projects/{project}/next")["id"]
        return number

    def label(self, task: int, name: str, control: tuple[str, str] = ("class", "image")) -> None:
        result = Labeling(*control, "Image", "", ()).result(name)
        self.client.send("POST", f"/api/tasks/{task}/annotations/", {"result": result})

    def served(self, project: int, count: int, name: str = "grey") -> list[int]:
        """The next tasks, each labeled when it is served."""
        found = []
        for _ in range(count):
            found.append(self.next(project))
            self.label(found[-1], name)
        return found


def pictures(count: int = COUNT) -> tuple[np.ndarray[Any, Any], list[int]]:
    """uint8 [N, 8, 8] of three brightnesses with noise, and their classes."""
    rng = np.random.default_rng(0)
    classes = [number % 3 for number in range(count)]
    noise = rng.integers(0, 120, (count, 8, 8))
    return (noise + 60 * np.array(classes)[:, None, None]).astype(np.uint8), classes


def png(picture: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def labeled(studio: Studio, count: int = 9) -> tuple[int, list[int]]:
    """A project of images of which the first are labeled, and the ids of its tasks."""
    arrays, classes = pictures()
    project = studio.create(IMAGES)
    tasks = studio.upload(project, arrays)
    for task, label in zip(tasks[:count], classes, strict=False):
        studio.label(task, CLASSES[label])
    return project, tasks


def expected(labels: int, strategy: str, k: int) -> list[int]:
    """What `ActiveLearner` asks for when it is given the same images as an array."""
    arrays, classes = pictures()
    samples = ArraySamples(arrays)
    learner = ActiveLearner(build_classifier("mlp", samples, 3, TRAINING), samples, strategy, subset_size=None)
    if labels:
        learner.tell(range(labels), classes[:labels])
    return learner.ask(k)
