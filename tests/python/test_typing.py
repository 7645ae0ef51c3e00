"""The types of the package, checked by mypy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).parents[2]

USE = """
import pcamflow
run = pcamflow.run("p.toml", set={"a.b.c": [1, 2], "d.e": {"f": True}}, stages=["g.h"], progress=print)
reveal_type(run.metrics())
reveal_type(run.maps("explain.x")[0])
reveal_type(pcamflow.load_model(run))
run.maps(3)
"""


@pytest.fixture(scope="module")
def mypy(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """Checks a file or folder; the types of PyTorch are read once."""
    options = [
        "--config-file",
        str(ROOT / "python/pyproject.toml"),
        "--cache-dir",
        str(tmp_path_factory.mktemp("mypy")),
    ]

    def check(path: Path) -> str:
        command = [sys.executable, "-m", "mypy", *options, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
        return done.stdout + done.stderr

    return check


def test_the_package_is_strictly_typed(mypy: Callable[[Path], str]) -> None:
    assert "Success: no issues found" in mypy(ROOT / "python/src/pcamflow")


def test_users_see_the_types_of_the_installed_package(mypy: Callable[[Path], str], tmp_path: Path) -> None:
    (tmp_path / "use.py").write_text(USE)
    said = mypy(tmp_path / "use.py")
    assert 'Revealed type is "pandas.core.frame.DataFrame"' in said
    assert re.search('Revealed type is "numpy.ndarray.*(_32Bit|float32)', said)
    assert 'Revealed type is "torch.nn.modules.module.Module"' in said
    assert 'incompatible type "int"; expected "str"' in said
    assert "Found 1 error in 1 file" in said
