from __future__ import annotations

import subprocess
import sys

MODULES = "iale.reports.experiment, iale.reports.report"


def test_reports_are_made_without_pytorch() -> None:
    script = f"import sys, {MODULES}; print(sorted(name for name in sys.modules if name.partition('.')[0] == 'torch'))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_runs_begin_without_what_only_reports_need() -> None:
    script = "import sys, iale.cli._run; print({'scipy.stats', 'matplotlib', 'sklearn'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
