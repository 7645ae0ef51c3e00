"""The installed wheel, as a shell sees it: nothing is set, and nothing of the checkout is used.

Knows the command line; does not know the package.
"""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import pytest
import torch

SCRIPTS = Path(sysconfig.get_path("scripts"))


def doctor() -> str:
    words = [SCRIPTS / "pcamflow", "doctor"]
    return subprocess.run(words, env={}, cwd="/", capture_output=True, text=True, check=False).stdout


def test_the_worker_uses_the_pytorch_of_the_environment() -> None:
    installed = Path(torch.__file__).parent
    if not installed.is_relative_to(sysconfig.get_path("purelib")):
        pytest.skip(f"PyTorch is not in this environment but in {installed}")
    assert f"in {installed / 'lib'}, loaded by the worker" in doctor()


def test_without_pytorch_the_error_says_what_to_install(tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("pcamflow", "pcamflow-worker"):
        (programs / name).write_bytes((SCRIPTS / name).read_bytes())
        (programs / name).chmod(0o755)
    words = [programs / "pcamflow", "doctor"]
    said = " ".join(subprocess.run(words, env={}, capture_output=True, text=True, check=False).stdout.split())
    assert "no torch is installed beside it" in said and "pip install 'torch==2.11.*'" in said
    package = tmp_path / "lib/python3.12/site-packages/torch"
    (package / "lib").mkdir(parents=True)
    (package / "lib/libtorch_cpu.so").write_text("")
    (package / "version.py").write_text("__version__ = '2.10.0'\n")
    said = " ".join(subprocess.run(words, env={}, capture_output=True, text=True, check=False).stdout.split())
    assert "is of torch 2.10.0" in said
