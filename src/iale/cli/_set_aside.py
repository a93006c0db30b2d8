"""Answers whose samples are gone or have changed: said at the start of `iale label`, and taken over when asked."""

from __future__ import annotations

from iale._many import many
from iale.cli._output import say
from iale.labeling.importing import Offer, offers, take_over
from iale.labeling.project import Project
from iale.labeling.queue._carrying import By

_SOME = 10  # offers that are listed if nobody has asked for them


def show_set_aside(project: Project, by: By | None) -> None:
    """Says what is set aside, lists what can be taken over, and takes over what ``by`` asks for."""
    count = project.missing()
    if by is not None:
        found = offers(project, by)
        _list(found, len(found))
        take_over(project, found)
        left = project.missing()
        say(f"taken over by {by}: {len(found)} of {many(count, 'answer')}; still set aside: {left}")
        return
    if not count:
        return
    each = {by: offers(project, by) for by in _BOTH}
    ways = " or ".join(f"`--take-over {by}` takes over {len(found)} of them" for by, found in each.items() if found)
    how = f"{ways}, as listed here" if ways else "their samples are not found again by name or content"
    say(f"set aside, because samples are gone or have changed: {many(count, 'answer')}; {how}")
    for by, found in each.items():
        if found:
            say(f"by {by}:")
            _list(found, _SOME)


_BOTH: tuple[By, By] = ("content", "name")


def _list(found: list[Offer], most: int) -> None:
    for offer in found[:most]:
        old = offer.old if offer.old != offer.new else f"{offer.old} as it was"
        new = offer.new if offer.old != offer.new else f"{offer.new} as it is"
        say(f"  {offer.label or 'skipped'} ({offer.person}): {old} → {new}".translate(_BREAKS))
    if len(found) > most:
        say(f"  … and {len(found) - most} more")


_BREAKS = dict.fromkeys((*range(32), 127), " ")  # a name may hold anything; a line stays a line
