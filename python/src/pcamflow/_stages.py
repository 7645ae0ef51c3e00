"""Finds stages by name, kind and purpose.

Knows how stages are named (`kind.name`, and `kind.name@seed` for a repeat); does not read results.
"""

from __future__ import annotations

from collections.abc import Sequence

from ._errors import NotFoundError, unknown


def named(stage: str, known: Sequence[str], where: str) -> list[str]:
    """The stages of a name. With `seeds`, `train.base` stands for all repeats, `train.base@1` for one of them.

    Raises:
        NotFoundError: there is none.
    """
    found = [it for it in known if it == stage or it.partition("@")[0] == stage]
    if not found:
        raise unknown("stage", stage, known, where)
    return found


def of_kinds(kinds: Sequence[str], stage: str | None, known: Sequence[str], where: str) -> list[str]:
    """The stages of some kinds, or those among them that `stage` names.

    Raises:
        NotFoundError: there is none.
    """
    found = [it for it in known if it.partition(".")[0] in kinds]
    if stage is not None:
        return named(stage, found, where)
    if not found:
        raise NotFoundError(f"{where} has no result of the kind `{'` or `'.join(kinds)}`: run the pipeline")
    return found


def with_patches(known: Sequence[str], where: str) -> list[str]:
    """The artifacts with the patches of a pipeline: the parts of its split, or else its synthetic patches.

    Raises:
        NotFoundError: there are none, or there are several splits.
    """
    splits = [it for it in known if it.startswith("split.")]
    if len({it.partition("@")[0] for it in splits}) > 1:
        raise NotFoundError(f"{where} has several splits: say where patches are, as in images='{splits[0]}/test'")
    if splits:
        return [f"{splits[0]}/{part}" for part in ("test", "validation", "train")]
    made = [it for it in known if it.startswith("synthesize.")]
    if len(made) != 1:
        raise NotFoundError(f"{where} does not say where patches are: name the HDF5 file as `images`")
    return [f"{made[0]}/images"]
