"""Overlays: they look as on the panels that pcamflow draws."""

from __future__ import annotations

import matplotlib.image
import numpy as np
import pytest

import pcamflow
from pcamflow._pictures import overlay

# The panel, in pixels of its PNG, as src/report/panel.rs draws it. Every pixel of a patch is 3 x 3.
MARGIN, HEADER, PAD, GAP, SIDE = 32, 240, 16, 8, 288


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion", "integrated-gradients"])
def test_overlays_are_those_of_the_panel(quickstart: pcamflow.Run, method: str) -> None:
    maps = quickstart.maps(method)
    png = matplotlib.image.imread(quickstart.path(f"explain.{method}/panel"))
    panel = np.rint(png[..., :3] * 255).astype(int)
    left, top = MARGIN + PAD + SIDE + GAP, HEADER + PAD
    drawn = panel[top : top + SIDE, left : left + SIDE]
    ours = quickstart.overlay(int(maps.rows[0]), method)
    assert ours.shape == (96, 96, 3) and ours.dtype == np.uint8
    assert (ours.max(2) != ours.min(2)).mean() > 0.05
    # The panel is smooth between pixels, so means of blocks are compared. It also draws the centre box and the outline
    # of the tumour.
    equal = np.abs(means(drawn, 24) - means(ours, 24)).max(axis=2) < 4
    assert equal.mean() > 0.75


def means(picture: np.ndarray, blocks: int) -> np.ndarray:
    size = len(picture) // blocks
    return picture.reshape(blocks, size, blocks, size, 3).mean(axis=(1, 3))


def test_maps_without_evidence_leave_the_patch() -> None:
    patch = np.full((96, 96, 3), 100, dtype=np.uint8)
    empty = np.zeros((96, 96), dtype=np.float32)
    bare = overlay(patch, empty, "grad-cam")
    assert (bare == 124).all()
    broken = empty.copy()
    broken[3, 4] = np.nan
    for map in (empty - 1, broken):
        assert np.array_equal(overlay(patch, map, "occlusion"), bare)
    with pytest.raises(pcamflow.FormatError, match=r"a patch \[96, 96, 3\] and a map \[24, 24\] do not fit"):
        overlay(patch, empty[:24, :24], "grad-cam")
