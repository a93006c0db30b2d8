"""Why there is no model yet: what people read must be so in every state of a project."""

from __future__ import annotations

from iale.labeling.reader import ProjectReader


def why_no_model(project: ProjectReader, *, fitting: bool, problem: str) -> str:
    """One sentence, for a project without a fit.

    Args:
        project: what is labeled.
        fitting: whether a fit is running.
        problem: why the last fit failed, or empty.
    """
    learned, all_ = set(project.labels_to_learn_from().values()), set(project.labels().values())
    if fitting:
        return "no model yet: the first one is being fitted."
    if problem:
        return f"no model yet, because it could not be fitted: {problem.rstrip('.')}."
    if len(all_) < 2:
        return "no model yet: label samples of at least two classes."
    if len(learned) < 2:
        return "no model yet: it never learns from the random test share, so label two classes outside of it."
    return "no model yet: the first one is fitted while people go on labeling."
