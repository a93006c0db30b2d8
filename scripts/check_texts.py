"""How right the built-in model of texts is after 200 labels, beside TF-IDF with logistic regression.

    python scripts/check_texts.py --projects 5

Pools have 2,000 texts; further texts test. The sets:

- *messages*: of four programs in English, German and French: which program says it?
- *asian*: of five programs in English, Japanese and Chinese.
- *docstrings*: the first 120 characters of Python's documentation: which library is it of?
- *made-up*: words of three made-up languages, some of which belong to a topic: which topic?

Messages are those that Linux keeps in /usr/share/locale; a set whose files are not there is passed over.

The reference is scikit-learn's TF-IDF of 2 to 5 characters inside words and a logistic regression, whose strength is
cross-validated, on 200 random labels. The head of `iale label` gets the same 200. Then a person who is never wrong
labels 200 texts that the default strategy asks for, with a fit after every ten; the honest test share is among them,
and the head does not learn from it. Prints a line for each project, and the means with their standard errors.
"""

from __future__ import annotations

import argparse
import ast
import csv
import gettext
import importlib.util
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from iale.classifiers.base import TrainingConfig
from iale.labeling import Project, ProjectConfig
from iale.labeling.fitting._background import choose_first
from iale.labeling.fitting._fit import Refitter
from iale.labeling.fitting.saved import load_latest
from iale.labeling.items._reading import Reading
from iale.seeding import Stream

POOL, TESTS, LABELS, BATCH = 2000, 2000, 200, 10
LOCALE = Path("/usr/share/locale")
LIBRARIES = ("numpy", "scipy", "sklearn", "torch", "matplotlib", "PIL", "networkx", "sympy")
STRENGTHS = 10.0 ** np.arange(-1, 4)

Text = tuple[str, str]
"""A text and its class."""


def messages(programs: Sequence[str], languages: Sequence[str], shortest: int) -> list[Text]:
    """What programs say; a text in English is the key of its translations. Empty if a file is missing."""
    found: list[Text] = []
    for program in programs:
        for language in languages:
            path = LOCALE / (languages[1] if language == "en" else language) / "LC_MESSAGES" / f"{program}.mo"
            if not path.exists():
                return []
            with open(path, "rb") as file:
                known = gettext.GNUTranslations(file)._catalog.items()  # type: ignore[attr-defined]
            pairs = [(key, said) for key, said in known if isinstance(key, str) and shortest < len(key) < 400]
            texts = [key if language == "en" else said for key, said in pairs if said]
            found += [(text.replace("\n", " "), program) for text in texts]
    return found


def docstrings() -> list[Text]:
    """The beginnings of docstrings of the libraries that are installed, which are not imported."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        spec = importlib.util.find_spec(name)
        for path in sorted(Path(spec.origin).parent.rglob("*.py")) if spec is not None and spec.origin else ():
            if "test" not in str(path):
                for node in ast.walk(ast.parse(path.read_bytes())):
                    said = ast.get_docstring(node) if isinstance(node, ast.FunctionDef | ast.ClassDef) else None
                    found.setdefault(re.sub(r"\s+", " ", said or "")[:120], name)
    of = {name: [text for text, library in found.items() if library == name and len(text) > 30] for name in LIBRARIES}
    rng = Stream(0).child("docstrings").numpy()
    return [(texts[at], name) for name, texts in of.items() for at in rng.permutation(len(texts))[: POOL // 4].tolist()]


def made_up() -> list[Text]:
    """Texts of 8 to 19 words; four in five are common in their language, and one is of the topic."""
    rng = Stream(0).child("words").numpy()
    scripts, texts = ("bdfgklmnprstvwzaeiou", "абвгдежзиклмнопрсту", "あいうえおかきくけこさしすせそたちつてと"), []

    def words(count: int, letters: str) -> list[str]:
        return ["".join(rng.choice(list(letters), rng.integers(3, 8))) for _ in range(count)]

    languages = [(words(1500, letters), [words(20, letters) for _ in range(4)]) for letters in scripts]
    often = 1 / np.arange(1, 1501)
    for _ in range(POOL + TESTS):
        (common, topics), topic = languages[rng.integers(3)], int(rng.integers(4))
        count = int(rng.integers(8, 20))
        told = np.where(rng.random(count) < 0.2, rng.choice(topics[topic], count), "")
        said = np.where(told == "", rng.choice(common, count, p=often / often.sum()), told)
        texts.append((" ".join(said.tolist()), f"topic {topic}"))
    return texts


SETS: dict[str, Callable[[], list[Text]]] = {
    "messages": lambda: messages(("git", "gtk30", "coreutils", "gnupg2"), ("en", "de", "fr"), 40),
    "asian": lambda: messages(("gtk30", "coreutils", "gnupg2", "libc", "bash"), ("en", "ja", "zh_CN"), 25),
    "docstrings": docstrings,
    "made-up": made_up,
}


@dataclass(frozen=True)
class Site:
    """Texts of a pool and of a test, and their classes."""

    pool: list[Text]
    tests: list[Text]

    @classmethod
    def draw(cls, texts: list[Text], seed: int) -> Site:
        """Some of the texts, at random."""
        order = Stream(seed).child("texts").numpy().permutation(len(texts))[: POOL + TESTS].tolist()
        return cls([texts[at] for at in order[:POOL]], [texts[at] for at in order[POOL:]])

    def right(self, said: Sequence[str]) -> float:
        """The share of the tests of which the right class is said."""
        return float(np.mean([one == other for one, (_, other) in zip(said, self.tests, strict=True)]))

    def reference(self, rows: Sequence[int]) -> float:
        """Of TF-IDF and a logistic regression, with the labels of ``rows``."""
        grid = GridSearchCV(
            LogisticRegression(max_iter=1000), {"C": STRENGTHS}, scoring="neg_log_loss", cv=5, error_score=-np.inf
        )
        tfidf = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True)
        tfidf.fit([text for text, _ in self.pool])
        made = make_pipeline(tfidf, grid).fit([self.pool[at][0] for at in rows], [self.pool[at][1] for at in rows])
        return self.right(made.predict([text for text, _ in self.tests]).tolist())

    def project(self, folder: Path, seed: int) -> tuple[Project, Refitter]:
        """A new project in ``folder``, whose geometry is made and whose first samples are chosen."""
        table = folder / "pool.csv"
        with open(table, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["text"], *([text] for text, _ in self.pool)])
        classes = tuple(sorted({name for _, name in self.pool}))
        config = ProjectConfig(table, classes, twice_share=0.0, seed=seed, training=TrainingConfig(device="cpu"))
        project = Project.create(folder / "project", config)
        project.reader.views.make_geometry()
        choose_first(project.reader)
        fitter = Refitter(project.reader, Reading(project.reader.items, project.reader.views.inputs))
        fitter._random_labels = POOL  # what random choice would have given is not asked here
        return project, fitter

    def fitted(self, project: Project, fitter: Refitter) -> float:
        """Of the head that is fitted to the labels there are now."""
        fitter.fit()
        return self.right(load_latest(project).predict([text for text, _ in self.tests]))

    def asked(self, folder: Path, seed: int) -> float:
        """Of the head after so many answers to the default strategy."""
        project, fitter = self.project(folder, seed)
        while (left := LABELS - len(project.labels())) > 0:
            for ticket in project.next("ann", min(BATCH, left)):
                project.label("ann", ticket.sample, self.pool[project.items.ids.index(ticket.sample)][1])
            if project.can_fit():
                fitter.fit()
        return self.fitted(project, fitter)

    def at_random(self, folder: Path, seed: int) -> tuple[float, float]:
        """Of the reference and of the head, with the same random labels."""
        project, fitter = self.project(folder, seed)
        open_ = np.flatnonzero(~project.reader.shares.reserved)
        rows = Stream(seed).child("labels").numpy().permutation(open_)[:LABELS].tolist()
        ids = project.items.ids
        project.add_labels("ann", {ids[row]: self.pool[row][1] for row in rows}, "random")
        return self.reference(rows), self.fitted(project, fitter)


def play(texts: list[Text], seed: int) -> tuple[float, float, float]:
    """The reference, the head with the same random labels, and the head with labels that were asked for, in percent."""
    site = Site.draw(texts, seed)
    with tempfile.TemporaryDirectory(prefix="iale-texts-") as random, tempfile.TemporaryDirectory() as asked:
        reference, head = site.at_random(Path(random), seed)
        return 100 * reference, 100 * head, 100 * site.asked(Path(asked), seed)


def main() -> None:
    """Plays the projects."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    options.add_argument("--projects", type=int, default=5)
    said = options.parse_args()
    torch.set_num_threads(1)
    for name in said.sets:
        texts, found = SETS[name](), []
        if len(texts) < POOL + TESTS // 2:
            print(f"{name}: too few texts are on this machine")
            continue
        for seed in range(said.projects):
            found.append(play(texts, seed))
            print(
                f"{name} {seed}: reference {found[-1][0]:.1f}, head {found[-1][1]:.1f}, asked {found[-1][2]:.1f}",
                flush=True,
            )
        means, errors = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
        told = ", ".join(f"{mean:.1f} ± {error:.1f}" for mean, error in zip(means, errors, strict=True))
        print(f"{name}, reference, head and asked: {told}")


if __name__ == "__main__":
    main()
