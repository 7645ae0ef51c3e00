"""The maps of an `explain` stage.

Knows the datasets of `maps.h5`; does not know how maps are made. Maps stay on the disk until they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, cast

from ._errors import FormatError, NotFoundError
from ._files import dataset, hdf5

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

Index = Union[int, slice, Sequence[int]]


class Maps:
    """The maps of one stage, one per patch. `len(maps)` is their number, and `maps[3]`, `maps[:8]` and `maps[[5, 2]]`
    read only these from the disk.

    Attributes:
        path: the HDF5 file.
        method: `grad-cam`, `saliency`, `occlusion` or `integrated-gradients`.
        parameters: the settings of the method.
        target: the explained class: `tumor`, `predicted` or `label`.
        score: the explained score: `logit` or `probability`.
        rows: int64 [N], the row of each patch in the original file.
        labels: uint8 [N], 1 for tumour.
        logits: float32 [N], of tumour.
        probabilities: float64 [N], of tumour, 0 to 1.
        datasets: the arrays that the file has besides: `native`, `attribution`, `delta`, `steps`.
    """

    def __init__(self, path: Path, name: str) -> None:
        """Opens a file and reads everything but the maps. `name` is that of the artifact, for messages.

        Raises:
            FormatError: not a file of maps.
        """
        self.path, self._name = path, name
        with hdf5(path) as file:
            count: int = dataset(file, "map", [None, None, None]).shape[0]
            self.rows: npt.NDArray[np.int64] = dataset(file, "row", [count])[()].astype("int64")
            self.labels: npt.NDArray[np.uint8] = dataset(file, "label", [count])[()].astype("uint8")
            self.logits: Floats = dataset(file, "logit", [count])[()].astype("float32")
            self.probabilities: npt.NDArray[np.float64] = dataset(file, "probability", [count])[()].astype("float64")
            self.method, self.target, self.score = (_text(file.attrs, it, path) for it in ("method", "target", "score"))
            self.parameters = _parameters(_text(file.attrs, "parameters", path), path)
            core = {"map", "row", "label", "logit", "probability"}
            self.datasets: list[str] = sorted(set(file) - core)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Index) -> Floats:
        """float32 [S, S] for one number, [n, S, S] for a slice or a list: raw, with the sign of the method."""
        import numpy as np

        with hdf5(self.path) as file:
            found = file["map"]
            if isinstance(index, slice) and (index.step is None or index.step > 0):
                return cast("Floats", found[index])
            positions = np.arange(len(self))[index]
            if positions.ndim == 0:
                return cast("Floats", found[int(positions)])
            read, places = np.unique(positions, return_inverse=True)
            return cast("Floats", found[read][places])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All maps, for `numpy.asarray(maps)`."""
        return self[:] if dtype is None else self[:].astype(dtype)

    def of_row(self, row: int) -> Floats:
        """float32 [S, S]: the map of the patch in a row of the original file.

        Raises:
            NotFoundError: that patch has no map here.
        """
        positions = (self.rows == row).nonzero()[0]
        if len(positions) == 0:
            some = ", ".join(str(it) for it in self.rows[:8])
            raise NotFoundError(f"{self._name} has no map of row {row}: its rows are {some}{', ...' * (len(self) > 8)}")
        return self[int(positions[0])]

    def array(self, name: str) -> npt.NDArray[Any]:
        """One of `datasets`: `native` float32 [N, h, w], the map in the size of its layer; `attribution` float32
        [N, 3, S, S]; `delta` float32 [N], the completeness error; `steps` int64 [N].

        Raises:
            NotFoundError: the method has no such array.
        """
        if name not in self.datasets:
            raise NotFoundError(f"{self._name} has no `{name}`: besides the maps, it has {self.datasets or 'nothing'}")
        with hdf5(self.path) as file:
            return cast("npt.NDArray[Any]", file[name][()])

    def __repr__(self) -> str:
        return f"<{len(self)} maps, {self.method}, {self.target} {self.score}: {self._name}>"


def _text(attributes: Any, name: str, path: Path) -> str:
    found = attributes.get(name)
    if not isinstance(found, str):
        raise FormatError(f"{path} has no attribute `{name}`: is it the maps.h5 of an `explain` stage?")
    return found


def _parameters(text: str, path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(text))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: its attribute `parameters` is not a JSON object") from error
