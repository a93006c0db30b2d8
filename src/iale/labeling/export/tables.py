"""Labels as a CSV table and as JSON lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime

from iale._storage import to_json
from iale.data._table_labels import SET_ASIDE
from iale.labeling.export._order import in_order, utf8
from iale.labeling.reader import ProjectReader, Readable
from iale.labeling.record._journal import Event, called

_COLUMNS = ("sample", "label", "person", "time", "reason", "id", SET_ASIDE)


def labels_csv(project: Readable) -> str:
    """The labels in the order of the samples, as a table that `iale query --labels` and `import_csv` read.

    Labels that are set aside come last, with "yes" in the column ``set_aside``; those two pass over them.
    """
    reader = project.reader
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, event, aside in _all(reader):
        if event.label is not None:
            row = (name, event.label, event.person, _when(event), event.reason, event.sample, "yes" if aside else "")
            writer.writerow(row)
    return text.getvalue()


def labels_jsonl(project: Readable) -> str:
    """Every answered sample as a line of JSON; what is set aside comes last.

    ``note`` says why a sample was left out, ``notes`` what people noted about it and their marks.
    """
    reader = project.reader
    with reader.ledger.reading() as answers:
        notes = {sample: list(noted.values()) for sample, noted in answers.notes.items()}
    text = ""
    for name, event, aside in _all(reader):
        values = {
            "sample": utf8(name),
            "id": event.sample,
            "label": event.label,
            "note": event.note,
            "notes": [_noted(each) for each in notes.get(event.sample or "", ())],
            "reason": event.reason,
            "person": event.person,
            "time": _when(event),
            SET_ASIDE: aside,
            "history": [_brief(past) for past in reader.history(event.sample or "")],
        }
        text += f"{to_json(values)}\n"
    return text


def _all(reader: ProjectReader) -> Iterator[tuple[str, Event, bool]]:
    """Names, answers, and whether these are set aside."""
    for index, event in in_order(reader):
        yield reader.items.name(index), event, False
    for event in reader.set_aside():
        yield called(event), event, True


def _when(event: Event) -> str:
    return datetime.fromtimestamp(event.answered, UTC).isoformat(timespec="milliseconds")


def _noted(event: Event) -> dict[str, object]:
    return {"person": event.person, "note": event.note, "mark": event.flag, "time": _when(event)}


def _brief(event: Event) -> dict[str, object]:
    values = {"kind": event.kind, "label": event.label, "person": event.person, "note": event.note}
    return {"number": event.number, "time": _when(event), **{k: v for k, v in values.items() if v is not None}}
