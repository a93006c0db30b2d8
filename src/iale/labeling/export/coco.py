"""Labels of images as JSON of COCO: images, categories, and one annotation for each labeled image."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from iale._many import many
from iale._warn import warn
from iale.data._pictures import read_header
from iale.errors import ConfigError, DataError
from iale.labeling.export._order import in_order, is_test, utf8
from iale.labeling.items._images import ImageItems
from iale.labeling.reader import Readable


def coco_json(project: Readable) -> str:
    """The labeled images of a folder; ids count from 1, and ``file_name`` is the path below the folder.

    An annotation has no box: it says what the whole image is. Its ``attributes`` say who labeled it and why it was
    asked for, and ``split`` whether it belongs to the honest test share. Images that are gone or cannot be read are
    left out, and a warning names the first.
    Raises ConfigError if the samples are no image files.
    """
    reader = project.reader
    if not isinstance(reader.items, ImageItems):
        raise ConfigError("COCO names image files, and these samples have none: export them as CSV or datasets.")
    number = {name: at for at, name in enumerate(reader.classes, start=1)}
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    left: list[str] = []
    for index, event in in_order(reader):
        if event.label is None:
            continue
        name = reader.items.name(index)
        try:
            height, width = read_header(reader.items.path(index), name).size
        except DataError as error:
            left.append(str(error))
            continue
        image = len(images) + 1
        images.append({"id": image, "file_name": utf8(name), "width": width, "height": height})
        split = "test" if is_test(reader, event) else "train"
        said = {"person": event.person, "reason": event.reason, "split": split}
        annotations.append({"id": image, "image_id": image, "category_id": number[event.label], "attributes": said})
    if left:
        are = "is" if len(left) == 1 else "are"
        warn(f"{many(len(left), 'labeled image')} cannot be read and {are} left out: {left[0]}")
    info = {
        "description": "Labels made with iale. They are no random draw, apart from those of the split test.",
        "date_created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    categories = [{"id": at, "name": name, "supercategory": ""} for name, at in number.items()]
    whole = {"info": info, "licenses": [], "images": images, "annotations": annotations, "categories": categories}
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
