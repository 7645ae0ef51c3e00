"""Reads patches by their row in the original file.

Knows the HDF5 files of a split and of the official layout; does not know pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ._errors import NotFoundError
from ._files import dataset, hdf5

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def read(rows: Sequence[int], files: Mapping[str, Path]) -> npt.NDArray[np.uint8]:
    """The patches in some rows, uint8 [n, S, S, 3] in the order of `rows`, each from the first file that has it. The
    files are named, for messages. A file without the dataset `row` is an original file: its rows are 0, 1, 2, ...

    Raises:
        NotFoundError: no file has one of the rows.
        FormatError: a file is not one of patches.
    """
    import numpy as np

    wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
    out: npt.NDArray[np.uint8] | None = None
    missing = np.ones(len(wanted), dtype=bool)
    for path in files.values():
        with hdf5(path) as file:
            size = [None, None] if out is None else list(out.shape[1:3])
            patches = dataset(file, "x", [None, *size, 3])
            if out is None:
                out = np.empty((len(wanted), *patches.shape[1:]), dtype=np.uint8)
            count: int = patches.shape[0]
            known = dataset(file, "row", [count])[()] if "row" in file else np.arange(count)
            here = missing & np.isin(wanted, known)
            if not here.any():
                continue
            order = np.argsort(known, kind="stable")
            positions = order[np.searchsorted(known, wanted[here], sorter=order)]
            # HDF5 reads ascending positions, each once.
            read_once, places = np.unique(positions, return_inverse=True)
            out[here] = cast("npt.NDArray[np.uint8]", patches[read_once])[places]
            missing &= ~here
    if out is None or missing.any():
        first = wanted[missing][0] if missing.any() else "?"
        raise NotFoundError(f"row {first} is in none of: {', '.join(files)}")
    return out
