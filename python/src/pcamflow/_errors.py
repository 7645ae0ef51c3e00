"""The errors of the package.

Knows what can go wrong; does not know where. Every message is one sentence or two: what is wrong, where, and what to
do about it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Error(Exception):
    """Any error of pcamflow."""


class NotFoundError(Error, LookupError):
    """There is no such result, stage, artifact, layer or row."""


class FormatError(Error, ValueError):
    """A file or a value is not what it has to be."""


class EngineError(Error, RuntimeError):
    """The program `pcamflow` reported an error; the message is its own text.

    Attributes:
        exit_code: 1 a stage failed or has no result, 2 a mistake in the pipeline or the arguments, 3 the environment
            (no libtorch, no such GPU, disk full), 4 `frozen` and not everything is cached, 5 a requirement is not
            met, 130 interrupted.
        failed: for each stage that failed, what happened. Empty if no stage failed.
    """

    def __init__(self, message: str, exit_code: int, failed: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.failed: dict[str, str] = dict(failed or {})


class EngineWarning(UserWarning):
    """Something that the program `pcamflow` says the user should know."""


def unknown(what: str, name: str, known: Iterable[str], where: str) -> NotFoundError:
    """The error for a name that does not exist, with a suggestion if a known name is similar, else all names."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    if near:
        advice = f": did you mean `{near[0]}`?"
    elif names:
        advice = ": there are " + ", ".join(f"`{it}`" for it in names)
    else:
        advice = ": there are none"
    return NotFoundError(f"there is no {what} `{name}` in {where}{advice}")
