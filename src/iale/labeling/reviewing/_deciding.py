"""What somebody decides who looks at labels again, and what is noted about a sample."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

from iale.errors import DataError
from iale.labeling.project import Project
from iale.labeling.record._journal import Act, Event, Kind
from iale.labeling.record._names import brief, clean
from iale.labeling.reviewing._rows import FLAGS

LONGEST_NOTE = 1000  # characters
_DECISIONS: tuple[Kind, ...] = ("label", "skip", "confirm")
_BLIND = ("test", "second")  # reasons for which nobody is told what others think


def decide(project: Project, person: str, sample: str, label: str | None, *, seen: int, key: str = "") -> Event | None:
    """Records what somebody says who looked at a label again.

    If others disagree, the answer decides between them ("adjudicated"). Otherwise, the same label confirms the one that
    holds, and another one corrects it.

    Args:
        project: whose sample it is.
        person: who looked.
        sample: its id.
        label: the class; None if it cannot be told.
        seen: the number of the answer that the person saw.
        key: chosen by the client; a second request with the same key is the same act.

    Raises:
        DataError: nobody has answered, somebody has answered since, or there is no such sample or class.
    """
    person, short = clean(person, "a person's name"), brief(key) or ""
    ledger = project.reader.ledger
    with ledger.writing() as answers:
        sample = project.items.ids[project.items.ids.index(sample)]
        acts = [Act(kind=kind, person=person, sample=sample, label=label) for kind in _DECISIONS]
        if known := answers.sent(person, short, *acts):
            return known
        now = answers.decisions.get(sample)
        if now is None:
            raise DataError("nobody has labeled this sample: label it first.")
        if now.number != seen:
            raise DataError(
                f"{now.person} has said {now.label or 'that it cannot be told'} meanwhile: look at it again."
            )
        name = None if label is None else answers.classes.now(label)
        disputed = answers.disputed(sample)
        if not disputed and (name, label is None) == (now.label, now.kind == "skip"):
            act = Act(kind="confirm", person=person, sample=sample, label=name, key=short or None)
            return ledger.extend([replace(act, name=now.name)])[0]
        if disputed:
            project.hold(person, [sample], "adjudicated")
        if label is None:
            return project.skip(person, sample, key=short)
        return project.label(person, sample, label, key=short)


def note(project: Project, person: str, sample: str, text: str, flag: str = "", *, key: str = "") -> Event | None:
    """Notes something about a sample, and marks it with one of `FLAGS`; this replaces what the person noted before.

    An empty note without a mark removes it. None if nothing changes. Raises DataError for an unknown sample or mark.
    """
    person, short = clean(person, "a person's name"), brief(key) or ""
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > LONGEST_NOTE or any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise DataError(f"a note must have at most {LONGEST_NOTE} printable characters.")
    if flag and flag not in FLAGS:
        raise DataError(f"the mark must be one of {', '.join(FLAGS)}, not {flag[:20]!r}.")
    ledger = project.reader.ledger
    with ledger.writing() as answers:
        index = project.items.ids.index(sample)
        sample = project.items.ids[index]
        act = Act(kind="note", person=person, sample=sample, note=text or None, flag=flag or None, key=short or None)
        if known := answers.sent(person, short, act):
            return known
        before = answers.notes.get(sample, {}).get(person)
        if (text, flag) == (("", "") if before is None else (before.note or "", before.flag or "")):
            return None
        return ledger.extend([replace(act, name=project.items.words(index))])[0]


def notes_for(project: Project, person: str, sample: str) -> list[Event]:
    """What a person may read of the notes on a sample, an empty name standing for anybody.

    Whoever is asked about it as a test or for a second opinion reads no note of others: it would bias the answer.
    """
    person = clean(person, "a person's name") if person.strip() else ""
    with project.reader.ledger.reading() as answers:
        sample = project.items.ids.now(sample)
        noted, lease = answers.notes.get(sample, {}), answers.leases.get(sample)
        blind = lease is not None and lease.reason in _BLIND and person in ("", lease.person)
        return [event for event in noted.values() if not blind or event.person == person]
