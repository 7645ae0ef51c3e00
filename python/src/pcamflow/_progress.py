"""Shows how far a run is: in a notebook as a table that changes, elsewhere as lines on the standard error.

Knows the events of `pcamflow run --json`; does not know how they arrive.
"""

from __future__ import annotations

import sys
import time
from typing import Any, Callable

Event = dict[str, Any]
"""One line of `pcamflow run --json`; `pcamflow schema --events` describes all."""

Listener = Callable[[Event], None]

# Seconds between two updates in a notebook.
_PAUSE = 0.2


def display() -> Listener:
    """A listener that suits the place: a notebook or a terminal."""
    return _Notebook() if _in_notebook() else _Lines()


class Board:
    """The state of each stage in a few words."""

    def __init__(self) -> None:
        self._states: dict[str, str] = {}
        self._closing = ""

    def take(self, event: Event) -> str | None:
        """Takes an event in. Returns the stage whose state is another now, if that is worth a line of its own."""
        name, stage = event["event"], event.get("stage", "")
        if name == "planned":
            self._states = {it["stage"]: it["state"] for it in event.get("stages", [])}
        elif name == "started":
            self._states[stage] = "running"
        elif name == "progress":
            it = event["progress"]
            of = f"/{it['total']}" if it["total"] else ""
            self._states[stage] = f"running, {it['done']}{of} {it['unit']}" + (f", {it['at']}" if it["at"] else "")
        elif name == "finished":
            self._states[stage] = _finished(event)
            return str(stage)
        elif name in ("failed", "blocked"):
            self._states[stage] = "failed" if name == "failed" else f"not run: {event['by']} failed"
            return str(stage)
        elif name == "ended":
            done = event["finished"]
            cached = sum(1 for it in done if it["cached"])
            self._closing = f"{len(done) - cached} computed, {cached} cached in {event['seconds']:.1f} s"
        return None

    def line(self, stage: str) -> str:
        """A stage and its state."""
        return f"{stage}: {self._states[stage]}"

    def __str__(self) -> str:
        width = max(map(len, self._states), default=0)
        lines = [f"{stage:{width}}  {state}" for stage, state in self._states.items()]
        return "\n".join([*lines, self._closing] if self._closing else lines)


class _Notebook:
    def __init__(self) -> None:
        from IPython.display import display as show

        self._board = Board()
        self._handle = show({"text/plain": ""}, raw=True, display_id=True)
        self._shown = 0.0

    def __call__(self, event: Event) -> None:
        self._board.take(event)
        if event["event"] == "ended" or time.monotonic() - self._shown >= _PAUSE:
            self._handle.update({"text/plain": str(self._board)}, raw=True)
            self._shown = time.monotonic()


class _Lines:
    def __init__(self) -> None:
        self._board = Board()

    def __call__(self, event: Event) -> None:
        stage = self._board.take(event)
        if stage is not None:
            print(self._board.line(stage), file=sys.stderr)


def _finished(event: Event) -> str:
    how = "cached" if event["cached"] else f"done in {event['seconds']:.1f} s"
    first = event["numbers"][:1]
    return how + "".join(f", {it['name']} {it['value']:.4g}" for it in first if it.get("value") is not None)


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")
