"""Opens the results of a pipeline.

Knows the two forms in which results are named; does not know what they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ._arguments import Paths, Value
from ._errors import FormatError, NotFoundError
from ._results import Run
from ._sources import Folder, Pipeline


def load(path: Paths, *, set: Mapping[str, Value] | None = None, store: Paths | None = None) -> Run:
    """The results of a pipeline.

    Args:
        path: a folder such as `out/quickstart`, whose files are read as they are; or a pipeline file, whose latest
            results are read from the store, also those that `out/` does not show.
        set: values that override the pipeline file, as for `run`. Only with a pipeline file.
        store: the store. Only with a pipeline file.

    Raises:
        NotFoundError: there is nothing at this path, or the folder holds no results.
        EngineError: there is a mistake in the pipeline file.
    """
    place = Path(path)
    if place.is_dir():
        if set or store:
            raise FormatError(f"`set` and `store` need a pipeline file, and {place} is a folder")
        return Run(Folder(place))
    if not place.exists():
        raise NotFoundError(f"there is no {place}: name a folder such as out/quickstart, or a pipeline file")
    return Run(Pipeline(place, set, store))
