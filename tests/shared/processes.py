"""Python code that is run in a process of its own, where it matters what has been imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

#: Makes torch and TensorFlow as good as absent.
BLOCKER = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "tensorflow"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def run_python(code: str, *, without_torch: bool = False, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs code in a new process, which must end with the given status."""
    code = f"{BLOCKER}\n{code}" if without_torch else code
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == status, finished.stderr
    return finished


def loaded_after(code: str, packages: Sequence[str]) -> list[str]:
    """Which of the packages have been imported when the code has run in a new process."""
    question = f"import sys\nprint(*[name for name in {packages!r} if name in sys.modules])"
    return run_python(f"{code}\n{question}").stdout.splitlines()[-1].split()


def program(arguments: Sequence[str]) -> str:
    """Code that runs the command line and goes on when it succeeds, ``--help`` included."""
    return f"""
from transformers.commands.transformers_cli import main
try:
    status = main({arguments!r})
except SystemExit as left:
    status = left.code
if status:
    raise SystemExit(status)
"""
