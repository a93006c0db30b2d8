"""One look for each strategy, the same in every figure: color, marker and dash.

Colors come in pairs, for paper and for a dark screen. No two of the named strategies are closer than 15 in CIELAB, also
for people with deuteranopia and protanopia (simulated after Machado, Oliveira and Fernandes 2009), and no two share a
marker. Trained policies have thicker lines. They take their looks in order, shorter names first, because a variant is
named after the policy that it varies.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SOLID, DASHED, DOTTED, DASH_DOTTED = "-", (0, (5, 1.6)), (0, (1.2, 1.6)), (0, (6, 1.5, 1.2, 1.5))


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn: its color on white and on a dark screen, marker and dash as Matplotlib names them.

    Strategies of one family share a dash. Trained policies (``learned``) get a thicker line.
    """

    color: str
    dark: str
    marker: str
    dash: str | tuple[int, tuple[float, ...]] = SOLID
    learned: bool = False

    def line(self) -> dict[str, Any]:
        """Arguments of ``Axes.plot``."""
        edge = {} if self.marker == "x" else {"markeredgecolor": PAPER, "markeredgewidth": 0.6}
        return {
            "color": self.color,
            "marker": self.marker,
            "linestyle": self.dash,
            "linewidth": 2.6 if self.learned else 1.4,
            "markersize": 6.5 if self.learned else 5.5,
            "zorder": 6 if self.learned else 4,
            **edge,
        }


PAPER, INK, MUTED, GRID = "#ffffff", "#1f2430", "#656b77", "#e4e7eb"
SCREEN = {PAPER: "#14181f", INK: "#e8eaee", MUTED: "#a3aab6", GRID: "#2b323d"}
"""Background, text, secondary text and grid lines, and what they become on a dark screen."""

HEURISTICS = {
    "random": Look("#767b85", "#9aa1ad", "x", DOTTED),
    "confidence": Look("#0c4576", "#5e6e9c", "s"),
    "margin": Look("#1e834c", "#4bdbaa", "^"),
    "entropy": Look("#407ca9", "#91c1f7", "v"),
    "mc-dropout": Look("#792b00", "#ad5710", "P", DASHED),
    "ensemble": Look("#6c66df", "#8d7bf6", "D", DASHED),
    "coreset": Look("#be4200", "#ff8137", "X", DASH_DOTTED),
    "badge": Look("#d97f00", "#ffdc56", "p", DASH_DOTTED),
}
_LEARNED = (("#d6113f", "#ff4d73"), ("#1b1e24", "#f2f3f5"), ("#0b7285", "#3bc9db"))
_ALIL = ("#8a2a8f", "#d98be0")
_MARKERS = ("o", "s", "^", "D", "v")
_OTHERS = (("#5b6c2a", "#b3c46a"), ("#a8548c", "#e29ccb"), ("#33658a", "#86bbd8"), ("#7a6a58", "#c9b79c"))
_OTHER_MARKERS = ("<", ">", "h", "*", "d", "H", "8")
_DASHES = (SOLID, DASHED, DASH_DOTTED, DOTTED)


def looks(strategies: Iterable[tuple[str, str | None]]) -> dict[str, Look]:
    """The look of each strategy, given by name and kind (of a trained policy, or None); ALIL shares one color."""
    known = sorted(set(strategies), key=lambda each: (each[1] != "iale", len(each[0]), each[0]))
    found: dict[str, Look] = {}
    learned = others = alil = 0
    for name, kind in known:
        if kind == "alil":  # apart, so that its color does not depend on how many other policies there are
            found[name] = Look(*_ALIL, _MARKERS[1:][alil % 4], _DASHES[alil % 4 - alil // 4 % 4], True)
            alil += 1
        elif kind is not None:
            dash = _DASHES[learned // len(_MARKERS) % len(_DASHES)]
            found[name] = Look(*_LEARNED[learned % len(_LEARNED)], _MARKERS[learned % len(_MARKERS)], dash, True)
            learned += 1
        elif name in HEURISTICS:
            found[name] = HEURISTICS[name]
        else:
            marker = _OTHER_MARKERS[others % len(_OTHER_MARKERS)]
            found[name] = Look(*_OTHERS[others % len(_OTHERS)], marker, _DASHES[-1 - others % len(_DASHES)])
            others += 1
    return found


def screen_colors() -> dict[str, str]:
    """Every color of a figure on white, and the color that replaces it on a dark screen."""
    pairs = (*_LEARNED, _ALIL, *_OTHERS, *((look.color, look.dark) for look in HEURISTICS.values()))
    return {**SCREEN, **dict(pairs)}
