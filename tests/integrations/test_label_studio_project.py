"""What is read from a project: its labeling configuration, its labels, and its files on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from iale.errors import DataError
from iale.integrations.label_studio._labeling import Labeling, read_label, read_labeling
from iale.integrations.label_studio._project import Project, Task
from iale.integrations.label_studio._samples import FolderFiles, TaskSamples
from tests.integrations.label_studio import LEGACY, LabelStudio, serve
from tests.integrations.studio import CHOICES, CLASSES, IMAGES, TEXTS, Studio, expected, labeled, pictures, png


def test_images_of_a_folder_are_found_by_path_or_name(tmp_path: Path) -> None:
    for name in ("a/x.png", "b/x.png", "b/the one (1).png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    files = FolderFiles(tmp_path)
    assert files.read("/data/local-files/?d=some/where/a/x.png") == b"a/x.png"
    assert files.read("http://elsewhere/b/x.png?size=3") == b"b/x.png"
    assert files.read("/data/upload/7/0123abcd-the_one_1.png") == b"b/the one (1).png"
    for address in ("/data/upload/7/0123abcd-x.png", "/data/upload/7/y.png", f"/../{tmp_path.name}/../secret.png"):
        with pytest.raises(DataError, match=r"(2|no) files in .* are called "):
            files.read(address)


def test_a_file_that_is_gone_leaves_its_task_out(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    files, said = FolderFiles(tmp_path), list[str]()
    (tmp_path / "a.png").unlink()
    samples = TaskSamples(Labeling("choice", "image", "Image", "image", ("x", "y")), files.read, (8, 8), said.append)
    assert samples.rows([Task(1, "/data/a.png", None), Task(2, "/data/b.png", None)]) == {2: 0}
    assert said == [
        f"task 1 is left out: {tmp_path / 'a.png'} cannot be read (No such file or directory): put it back."
    ]


def test_the_folder_spares_the_server(fake: Studio, stand_in: LabelStudio, tmp_path: Path) -> None:
    for number, picture in enumerate(pictures()[0]):
        (tmp_path / f"an image {number:02d}.png").write_bytes(png(picture))
    project, tasks = labeled(fake)
    fake.run(project, data=tmp_path)
    assert not any("/data/" in request for request in stand_in.requests)
    assert [tasks.index(task) for task in fake.served(project, 3)] == expected(9, "eherding", 3)


LABELING = Labeling("class", "image", "Image", "picture", CLASSES)


@pytest.mark.parametrize(
    ("choices", "label"),
    [
        ([], None),
        (["dark"], 0),
        (["dark", "bright", "bright"], 2),
        (["dark", "bright"], 2),  # the later one
        (["-dark", "grey"], 1),  # skipped
        (["-dark"], None),
        (["mauve", "grey"], 1),  # no more in the configuration
        (["", "dark"], 0),  # submitted without a choice
    ],
)
def test_the_label_of_a_task(choices: list[str], label: int | None) -> None:
    annotations = [
        {
            "result": LABELING.result(choice.strip("-")) if choice else [],
            "was_cancelled": choice.startswith("-"),
            "updated_at": f"2026-01-01T00:00:{second:02d}Z",
        }
        for second, choice in enumerate(choices)
    ]
    assert read_label(annotations, LABELING) == label
    assert read_label(annotations[::-1], LABELING) == label


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("<View/>", "has 0 Choices tags"),
        (
            IMAGES.replace("</View>", f'<Choices name="b" toName="image">{CHOICES}</Choices></View>'),
            "has 2 Choices tags",
        ),
        (IMAGES.replace("Image", "Audio"), "is about Audio"),
        (TEXTS.replace("<Text ", '<Text valueType="url" '), "is about Text"),
        (IMAGES.replace(CHOICES, '<Choice value="dark"/>'), r"has fewer than two classes \(1\)"),
        (TEXTS.replace("$text", "Say: $text"), "the Text tag of the choice 'about' does not show a single value"),
        (IMAGES.replace(" value=", " valueList="), "the Image tag of the choice 'class' does not show a single value"),
        (TEXTS.replace("single", "multiple"), "allows several choices"),
        (IMAGES.replace("<Choices ", '<Choices perRegion="true" '), "or one per region"),
    ],
)
def test_other_labeling_configurations_are_refused(fake: Studio, config: str, sentence: str) -> None:
    with pytest.raises(
        DataError, match=f"{sentence}.*: (expected a Choices tag that takes one|give it the name of one field)"
    ):
        Project(fake.client, fake.create(config)).labeling()


def test_the_labeling_configuration() -> None:
    with serve() as studio:
        fake = Studio(studio.url, LEGACY)
        assert Project(fake.client, fake.create(IMAGES)).labeling() == LABELING
        texts = Project(fake.client, fake.create(TEXTS)).labeling()
        assert texts == Labeling("about", "text", "Text", "text", ("fruit", "tools"))
    with pytest.raises(DataError, match="is not valid XML"):
        read_labeling(studio.projects[1]["parsed_label_config"], "<View>")
