"""Finds the program `pcamflow` and asks it for JSON.

Knows how the program is found and how it reports errors; does not know its commands.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from ._errors import EngineError, FormatError, NotFoundError

VARIABLE = "PCAMFLOW_BINARY"
_NAME = "pcamflow"


def find() -> Path:
    """The program: the one in the variable PCAMFLOW_BINARY, else the one that was installed with this package, else
    the first one on the PATH.

    Raises:
        NotFoundError: there is none.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK) or os.path.isdir(named):
            raise NotFoundError(f"{VARIABLE} is {named}, which is not a program: unset it, or name `pcamflow`")
        return Path(named).absolute()
    installed = _scripts() / _NAME
    if os.access(installed, os.X_OK):
        return installed
    found = shutil.which(_NAME)
    if found is None:
        raise NotFoundError(
            f"the program `pcamflow` is neither in {_scripts()} nor on the PATH: install the wheel, or set "
            f"{VARIABLE} to the program"
        )
    return Path(found).absolute()


def ask(arguments: Iterable[str | os.PathLike[str]]) -> list[dict[str, Any]]:
    """Runs the program and returns what it prints: JSON objects.

    Raises:
        EngineError: the program reported an error.
        NotFoundError: there is no program.
        FormatError: its output is not JSON.
    """
    return _objects(call(arguments).stdout)


def call(arguments: Iterable[str | os.PathLike[str]]) -> subprocess.CompletedProcess[str]:
    """Runs the program; `stdout` of the result is what it printed.

    Raises:
        EngineError: the program reported an error.
        NotFoundError: there is no program.
    """
    command = [os.fspath(word) for word in (find(), *arguments)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        check=False,
    )
    if done.returncode != 0:
        raise EngineError(message(done.stderr, done.returncode), done.returncode)
    return done


def environment() -> dict[str, str]:
    """The environment for the program. The worker of the installed program finds the libtorch of this Python, wherever
    that is; other programs find their own.
    """
    variables = dict(os.environ)
    libraries = _libtorch()
    if libraries is not None and find().parent == _scripts():
        known = variables.get("LD_LIBRARY_PATH")
        variables["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [known, str(libraries)]))
    return variables


def notes(stderr: str) -> list[str]:
    """The notes that the program gave beside a result: it is older than the pipeline, for example."""
    return [line[len("note: ") :] for line in stderr.splitlines() if line.startswith("note: ")]


def message(stderr: str, exit_code: int) -> str:
    """The error in the words of the program, without its `error:`."""
    words = stderr.strip()
    start = words.find("error: ")
    if start >= 0:
        words = words[start + len("error: ") :]
    return words or f"pcamflow ended with exit code {exit_code} and said nothing"


def _scripts() -> Path:
    return Path(sysconfig.get_path("scripts"))


def _libtorch() -> Path | None:
    """The folder of the libraries of PyTorch. PyTorch is not imported."""
    torch = importlib.util.find_spec("torch")
    if torch is None or torch.origin is None:
        return None
    return Path(torch.origin).parent / "lib"


def _objects(output: str) -> list[dict[str, Any]]:
    decoder, place, objects = json.JSONDecoder(), 0, []
    output = output.strip()
    while place < len(output):
        try:
            found, place = decoder.raw_decode(output, place)
        except ValueError as error:
            raise FormatError(f"{find()} printed something that is not JSON: is its version another one?") from error
        objects.append(cast("dict[str, Any]", found))
        while place < len(output) and output[place].isspace():
            place += 1
    return objects
