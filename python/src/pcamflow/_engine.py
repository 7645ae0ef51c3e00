"""Starts runs.

Knows the command `pcamflow run` and what its events mean for the caller; does not know how progress is shown.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Callable

from . import _binary
from ._arguments import Paths, Value, options
from ._errors import EngineError, EngineWarning, FormatError
from ._progress import Event, Listener, display
from ._results import Run
from ._sources import Pipeline


def run(
    file: Paths,
    *,
    set: Mapping[str, Value] | None = None,
    stages: Sequence[str] = (),
    force: Sequence[str] = (),
    require: Sequence[str] = (),
    frozen: bool = False,
    keep_going: bool = False,
    device: str | None = None,
    threads: int | None = None,
    data: Paths | None = None,
    store: Paths | None = None,
    progress: bool | Callable[[Event], None] = True,
) -> Run:
    """Runs a pipeline: computes what is not in the store yet.

    Args:
        file: the pipeline file.
        set: values that override the file: `{"train.narrow.epochs": 3}`. Keys and values are those of the file.
        stages: only these stages and what they need; all by default.
        force: stages that are computed again even if they are cached.
        require: requirements such as `evaluate.test.accuracy >= 0.85`.
        frozen: compute nothing; an error if something is not cached.
        keep_going: after a failure, continue with the stages that do not depend on it.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        threads: CPU threads of one stage; all cores by default.
        data: the folder of the source files; as the pipeline says by default.
        store: the store; `.pcamflow` in the project's folder by default.
        progress: whether progress is shown, or a function that gets each event of `pcamflow run --json`.

    Returns:
        The stages of this run and their results. They are read from the store, so a later run with other values does
        not change them.

    Raises:
        EngineError: a mistake in the pipeline, a stage that failed, or a requirement that is not met. Its text is that
            of the program.
        NotFoundError: there is no program `pcamflow`.
        KeyboardInterrupt: the run was interrupted. The next run continues where it stopped.
    """
    command = [str(_binary.find()), "run", os.fspath(file), *stages, "--json", *options(set, store, data)]
    for option, values in (("--force", force), ("--require", require)):
        command += [word for value in values for word in (option, value)]
    for option, value in (("--device", device), ("--threads", threads)):
        command += [] if value is None else [option, str(value)]
    command += ["--frozen"] * frozen + ["--keep-going"] * keep_going
    listener: Listener | None = progress if callable(progress) else display() if progress else None
    ended = _follow(command, listener)
    return Run(Pipeline(Path(file), set, store, data, stages=[it["stage"] for it in ended["finished"]]))


def _follow(command: Sequence[str], listener: Listener | None) -> Event:
    """Runs the command and passes its events on. Returns the last one."""
    ended: Event | None = None
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=_binary.environment(),
            # Ctrl-C reaches only Python, which passes it on: a second signal would end the program at once.
            start_new_session=True,
            preexec_fn=_ends_with_python(),
        )
        assert process.stdout is not None
        try:
            for event in _events(process.stdout):
                if event["event"] == "warning":
                    about = f"{event['stage']}: " if event.get("stage") else ""
                    warnings.warn(about + event["text"], EngineWarning, stacklevel=4)
                elif event["event"] == "ended":
                    ended = event
                if listener is not None:
                    listener(event)
            code = process.wait()
        except BaseException:
            # Ctrl-C in a notebook, or an error of the listener: the program stops as for Ctrl-C in a terminal.
            process.send_signal(signal.SIGINT)
            for _ in process.stdout:
                pass
            process.wait()
            raise
        finally:
            process.stdout.close()
        stderr.seek(0)
        text = stderr.read()
    if code != 0:
        raise _error(ended, text, code)
    if ended is None:
        raise FormatError(f"{command[0]} said nothing about the end of the run: is its version another one?")
    return ended


def _ends_with_python() -> Callable[[], object]:
    """What the new process does first: it asks Linux for an interrupt when Python ends, as a kernel that restarts."""
    prctl = ctypes.CDLL(None).prctl
    set_signal_at_end_of_parent = 1
    return lambda: prctl(set_signal_at_end_of_parent, signal.SIGINT)


def _events(lines: IO[str]) -> Iterable[Event]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError as error:
            raise FormatError(f"pcamflow printed something that is not JSON: {line[:80]!r}") from error


def _error(ended: Event | None, stderr: str, code: int) -> EngineError:
    if ended is None or "error: " in stderr:
        return EngineError(_binary.message(stderr, code), code)
    failed = {it["stage"]: it["message"] for it in ended["failed"]}
    lines = [f"{stage} failed: {message}" for stage, message in failed.items()]
    lines += [f"{it['stage']} is not cached: {it['why']}" for it in ended["would-run"]]
    lines += [_unmet(it) for it in ended["required"] if not it["met"]]
    return EngineError("\n".join(lines) or _binary.message(stderr, code), code, failed)


def _unmet(verdict: Event) -> str:
    figures = ", ".join(f"{it['of']} {it.get('value')}" for it in verdict["figures"] if not it["met"])
    return f"not met: {verdict['requirement']} ({figures})"
