"""Lays a map over its patch, as on the panels of pcamflow.

Knows how each method is shown; does not know files. Pictures are for the eye: no number is made from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._colors import inferno, purple_orange
from ._errors import FormatError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

# Standard deviation of the smoothing, in pixels.
_SIGMA = 1.5


def overlay(patch: npt.NDArray[np.uint8], map: npt.NDArray[np.float32], method: str) -> npt.NDArray[np.uint8]:
    """A map over the grey patch. The opacity grows with the magnitude, so that tissue without evidence stays visible.

    Grad-CAM and saliency have the colours of inferno, occlusion purple (against the class) to orange (for it), and
    integrated gradients inferno for the smoothed magnitude. The strongest colour is the map's maximum; for saliency
    and integrated gradients it is the 99th percentile. A map without evidence leaves the patch as it is.

    Args:
        patch: uint8 [S, S, 3].
        map: float32 [S, S].
        method: `grad-cam`, `saliency`, `occlusion` or `integrated-gradients`.

    Returns:
        uint8 [S, S, 3].

    Raises:
        FormatError: the patch and the map have other shapes.
    """
    import numpy as np

    if patch.shape != (*map.shape, 3):
        raise FormatError(f"a patch {list(patch.shape)} and a map {list(map.shape)} do not fit: [h, w, 3] and [h, w]")
    luma = patch @ np.array([0.299, 0.587, 0.114])
    # A little towards white: evidence is dark in H&E, and colours need a pale background.
    grey = np.rint(40 + luma * 215 / 255)[..., None].repeat(3, axis=2)
    values = map.astype(np.float64)
    if method == "integrated-gradients":
        values = _smooth(np.abs(values))
    magnitude = np.abs(values) if method == "occlusion" else values.clip(0, None)
    limit = _limit(magnitude, percentile=method in ("saliency", "integrated-gradients"))
    if not np.isfinite(map).all() or map.min() == map.max() or limit <= 0:
        return _bytes(grey)
    colors = purple_orange(values / limit) if method == "occlusion" else inferno(values / limit)
    opacity = (0.9 * (magnitude / limit).clip(0, 1) ** 0.7)[..., None]
    return _bytes(grey * (1 - opacity) + colors * opacity)


def _bytes(colors: Values) -> npt.NDArray[np.uint8]:
    import numpy as np

    rounded: npt.NDArray[np.uint8] = np.rint(colors).astype(np.uint8)
    return rounded


def _limit(magnitude: Values, percentile: bool) -> float:
    """The magnitude with the strongest colour."""
    ordered = sorted(magnitude.ravel().tolist())
    highest: float = ordered[-1]
    at: float = ordered[len(ordered) * 99 // 100]
    return at if percentile and at > 0 else highest


def _smooth(values: Values) -> Values:
    """A Gaussian along rows and columns. At the border, the weights of the pixels that exist are used."""
    import numpy as np

    def matrix(length: int) -> Values:
        distance = np.abs(np.subtract.outer(np.arange(length), np.arange(length)))
        weights = np.exp(-0.5 * (distance / _SIGMA) ** 2) * (distance <= np.ceil(3 * _SIGMA))
        smoothing: Values = weights / weights.sum(axis=1, keepdims=True)
        return smoothing

    rows, columns = values.shape
    smoothed: Values = matrix(rows) @ values @ matrix(columns).T
    return smoothed
