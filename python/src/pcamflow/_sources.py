"""Where the artifacts of a run are: in a folder below `out/`, or in the store, which the program knows.

Knows names of stages, artifacts and files; does not know what is in them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from . import _binary
from ._arguments import Paths, Value, options
from ._errors import EngineError, EngineWarning, NotFoundError, unknown

_SHOWN = ".pcamflow-shown.json"


class Source(Protocol):
    """The results of one pipeline."""

    @property
    def name(self) -> str:
        """What was loaded, for messages."""

    def stages(self) -> list[str]:
        """The stages that have results, in order."""

    def path(self, stage: str, artifact: str) -> Path:
        """The file of an artifact."""


class Folder:
    """Results that are shown in a folder: `out/<pipeline>/<kind>.<name>/`."""

    def __init__(self, folder: Path) -> None:
        """Raises NotFoundError if the folder shows no stage."""
        self._folder = folder.absolute()
        if not self.stages():
            raise NotFoundError(_advice(folder))

    @property
    def name(self) -> str:
        return str(self._folder)

    def stages(self) -> list[str]:
        return sorted(it.name for it in self._folder.iterdir() if (it / _SHOWN).is_file() and "." in it.name)

    def path(self, stage: str, artifact: str) -> Path:
        folder = self._folder / stage
        if stage not in self.stages():
            raise unknown("stage", stage, self.stages(), self.name)
        files = sorted(it for it in folder.iterdir() if it.name != _SHOWN)
        exact = [it for it in files if it.name == artifact]
        # As in the pipeline, `confusion` is the PNG, not the SVG.
        by_stem = [it for it in files if it.stem == artifact and it.suffix != ".svg"]
        found = exact or by_stem
        if not found:
            raise unknown("artifact", artifact, [it.name for it in files], str(folder))
        return found[0]


class Pipeline:
    """The latest results of a pipeline file with some values. The program says where they are: in the store, where
    files do not change.
    """

    def __init__(
        self,
        file: Path,
        set: Mapping[str, Value] | None = None,
        store: Paths | None = None,
        data: Paths | None = None,
        stages: Sequence[str] | None = None,
    ) -> None:
        """`stages` are those that count; by default all that have results."""
        self._file = file.absolute()
        self._options = options(set, _absolute(store), _absolute(data))
        self._known = None if stages is None else list(stages)

    @property
    def name(self) -> str:
        return str(self._file)

    def stages(self) -> list[str]:
        if self._known is None:
            graph = _binary.ask(["graph", str(self._file), "--format", "json", *self._options])
            self._known = [it["stage"] for it in graph[0]["stages"] if self._has_result(it["stage"])]
        return list(self._known)

    def path(self, stage: str, artifact: str) -> Path:
        done = _binary.call(["path", str(self._file), f"{stage}/{artifact}", *self._options])
        for note in _binary.notes(done.stderr):
            warnings.warn(note, EngineWarning, stacklevel=4)
        return Path(done.stdout.strip())

    def _has_result(self, stage: str) -> bool:
        try:
            _binary.call(["show", str(self._file), stage, *self._options])
        except EngineError as error:
            if error.exit_code == 1:
                return False
            raise
        return True


def _absolute(path: Paths | None) -> Path | None:
    return None if path is None else Path(path).absolute()


def _advice(folder: Path) -> str:
    below = sorted(it.parent.parent for it in folder.glob("*/*/" + _SHOWN))
    if below:
        return f"{folder} holds the results of several pipelines, not of one: did you mean {below[0]}?"
    return f"{folder} holds no results: name a folder such as out/quickstart, or a pipeline file"
