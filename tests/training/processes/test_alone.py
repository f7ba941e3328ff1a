"""A run in one process knows nothing of several."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from charrnn.training import api
from charrnn.training.recipe.settings import Settings
{before}
api.train(["sea.txt"], settings=Settings(steps=2, hidden_size=4, num_networks=1, device="cpu"))
print("charrnn.training.processes.group" in sys.modules)
"""


@pytest.mark.parametrize(
    ("before", "expected"), [("", "False"), ("import charrnn.training.processes.group", "True")]
)
def test_a_run_without_torchrun_does_not_load_the_code_for_it(
    before: str, expected: str, tmp_path: Path
) -> None:
    """The second case shows that the check sees it."""
    (tmp_path / "sea.txt").write_text("the sea\n" * 100)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(before=before)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == expected
