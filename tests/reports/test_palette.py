from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from iale.benchmark._experiment import HEURISTICS as RECORDED
from iale.reports._palette import HEURISTICS, PAPER, SCREEN, looks, screen_colors

Floats = NDArray[np.float64]

# Machado, Oliveira and Fernandes 2009, severity 1, for linear RGB
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
FIGURES = {"light": {name: look.color for name, look in HEURISTICS.items()}}
FIGURES["dark"] = {name: look.dark for name, look in HEURISTICS.items()}
BACKGROUND = {"light": PAPER, "dark": SCREEN[PAPER]}


def linear(color: str) -> Floats:
    channels = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(color: str, vision: str) -> Floats:
    """CIELAB under D65 of what somebody with this vision sees."""
    seen = np.clip(VISION[vision] @ linear(color), 0, 1)
    to_xyz = np.array(
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.119192, 0.9503041]]
    )
    xyz = to_xyz @ seen / np.array([0.95047, 1.0, 1.08883])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one: str, other: str) -> float:
    """WCAG 2."""
    low, high = sorted(float(np.array([0.2126, 0.7152, 0.0722]) @ linear(color)) for color in (one, other))
    return (high + 0.05) / (low + 0.05)


def test_lab_is_right_for_red() -> None:
    assert lab("#ff0000", "normal") == pytest.approx([53.24, 80.09, 67.20], abs=0.05)


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("mode", FIGURES)
def test_heuristics_can_be_told_apart(mode: str, vision: str) -> None:
    """15 is far beyond what one just notices (2.3); 18 where a marker or a dash is shared."""
    for one, other in itertools.combinations(HEURISTICS, 2):
        distance = np.linalg.norm(lab(FIGURES[mode][one], vision) - lab(FIGURES[mode][other], vision))
        looks_alike = (
            HEURISTICS[one].marker == HEURISTICS[other].marker or HEURISTICS[one].dash == HEURISTICS[other].dash
        )
        assert distance > (18 if looks_alike else 15), (one, other, distance)


def test_no_two_heuristics_share_a_marker() -> None:
    markers = [look.marker for look in HEURISTICS.values()]
    assert len(set(markers)) == len(markers)


@pytest.mark.parametrize("mode", FIGURES)
def test_lines_stand_out_from_the_background(mode: str) -> None:
    for color, dark in screen_colors().items():
        if color not in SCREEN:
            assert contrast(color if mode == "light" else dark, BACKGROUND[mode]) >= 3


def test_every_heuristic_has_a_look_of_its_own() -> None:
    assert set(HEURISTICS) == set(RECORDED)


def test_a_strategy_looks_the_same_whoever_else_is_there() -> None:
    few = looks([("margin", None), ("random", None)])
    many = looks([("badge", None), ("margin", None), ("mnist-cnn", "iale"), ("mine", None)])
    assert few["margin"] == many["margin"]
    assert many["mnist-cnn"].learned
    assert many["mnist-cnn"].line()["linewidth"] > many["margin"].line()["linewidth"]


def test_a_policy_keeps_its_look_beside_its_variants() -> None:
    alone = looks([("mnist-cnn", "iale")])["mnist-cnn"]
    variants = [("mnist-cnn", "iale"), ("fashion-mnist-cnn", "iale"), ("mnist-cnn-exponential", "iale"), ("a", "alil")]
    assert looks(variants)["mnist-cnn"] == alone


def test_alil_looks_the_same_beside_any_number_of_other_policies() -> None:
    alil = [("mnist-mlp-alil-faithful", "alil"), ("mnist-mlp-alil-corrected", "alil")]
    one, three = (looks([*alil, *((f"mnist-{i}", "iale") for i in range(n))]) for n in (1, 3))
    assert [one[name] for name, _ in alil] == [three[name] for name, _ in alil]
    assert one[alil[0][0]] != one[alil[1][0]]
    assert len({look.color for look in three.values()}) == 4


def test_policies_of_the_method_come_first_and_twenty_differ() -> None:
    names = [(f"policy-{i:02d}", "alil" if i < 2 else "iale") for i in range(20)]
    found = looks(names)
    assert found["policy-02"] == looks([("x", "iale")])["x"]
    assert len({(look.color, look.marker, str(look.dash)) for look in found.values()}) == 20
    assert found == looks(names[::-1])
