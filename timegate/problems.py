"""A problem with an input: a record with its place, made text at the edge; and the words that such texts share."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable
from typing import Any, Self

__all__ = ["Argument", "Place", "Problem", "did_you_mean", "in_python", "nearest", "shown", "written"]

Place = tuple[str | int, ...]
"""Where in a config, a scenario or a window something stands: the keys and indices that lead there, such as
``("deployments", 0, "time_constraints", 1, "start")``. Empty for the whole, or where it is not known.
"""

Argument = tuple[str, object]
"""An argument that would mend a problem, by its name and value."""


def in_python(name: str, value: object) -> str:
    """Spell an argument as Python does.

    Examples
    --------
    >>> in_python("tz", "UTC")
    "tz='UTC'"
    """
    return f"{name}={value!r}"


class Problem(str):
    """One thing that is wrong with an input: a sentence, and what it is made of.

    It is the sentence, so that it prints, compares and is found as text; who needs the place reads :attr:`place`.

    Parameters
    ----------
    place : tuple of (str or int)
        The keys and indices that lead there.
    text : str
        What must hold, and what was given.
    hint : str
        The nearest good name, or another way out; ``{}`` stands for ``argument``, if there is one.
    argument : (str, object), optional
        The argument that the hint advises.
    where : str, optional
        How the sentence begins. Default: with the place.

    Attributes
    ----------
    place, text, hint, argument, where
        As given; the hint with its argument as Python spells it.

    Examples
    --------
    >>> problem = Problem(("windows", 1, "tz"), "must be an IANA zone. Got 'UCT2'.", "Did you mean 'UCT'?")
    >>> problem
    "windows[1].tz must be an IANA zone. Got 'UCT2'. Did you mean 'UCT'?"
    >>> problem.place, problem.hint
    (('windows', 1, 'tz'), "Did you mean 'UCT'?")
    """

    place: Place
    text: str
    argument: Argument | None
    where: str
    _hint: str

    def __new__(
        cls, place: Place, text: str, hint: str = "", argument: Argument | None = None, where: str | None = None
    ) -> Self:
        """Make the sentence."""
        text, hint = text.strip(), hint.strip()
        where = written(place) if where is None else where
        problem = super().__new__(cls, _sentence(where, text, _spelled(hint, argument, in_python)))
        problem.place, problem.text, problem.argument, problem.where, problem._hint = place, text, argument, where, hint
        return problem

    def __getnewargs__(self) -> tuple[Any, ...]:  # what pickle and copy rebuild from
        return self.place, self.text, self._hint, self.argument, self.where

    @classmethod
    def of(cls, problem: str) -> Problem:
        """Return a problem as it is, and a text as a problem whose place is not known."""
        return problem if isinstance(problem, Problem) else cls((), problem)

    @property
    def hint(self) -> str:
        """The nearest good name, or another way out; empty if there is none."""
        return _spelled(self._hint, self.argument, in_python)

    def at(self, place: Place, where: str | None = None) -> Problem:
        """Return the same problem at another place."""
        return Problem(place, self.text, self._hint, self.argument, where)

    def after(self, words: str) -> Problem:
        """Return the same problem in a sentence that begins with more words, such as the name of a file."""
        return self.at(self.place, _sentence(words, self.where))

    def advising(self, hint: str, argument: Argument) -> Problem:
        """Return the same problem with another way out."""
        return Problem(self.place, self.text, hint, argument, self.where)

    def spelled(self, spell: Callable[[str, object], str]) -> str:
        """Return the sentence with its argument spelled by a function of name and value, as an option of a command."""
        return _sentence(self.where, self.text, _spelled(self._hint, self.argument, spell))


def _sentence(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _spelled(hint: str, argument: Argument | None, spell: Callable[[str, object], str]) -> str:
    return hint if argument is None else hint.replace("{}", spell(*argument))


def written(place: Place, label: str = "") -> str:
    """Return a place as sentences begin with it.

    Parameters
    ----------
    place : tuple of (str or int)
    label : str
        What tells people which item the first index means: the name of a deployment, quoted.

    Examples
    --------
    >>> written(("deployments", 0, "time_constraints", 1, "start"), "'weak'")
    "deployments[0] 'weak': time_constraints[1].start"
    """
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]" + (f" {label}: " if label else "")
            label = ""
        else:
            text += f"{'.' if text and not text.endswith(' ') else ''}{_key(part)}"
    return text.removesuffix(": ")


def _key(key: str) -> str:
    """Return a key as it stands in a place, quoted only where it has to be."""
    return key if key.isprintable() and len(key) <= 60 else shown(key)


class _Brief(reprlib.Repr):
    """Shows mappings by their keys alone: what stands where it does not belong may be a secret.

    Numbers of tables are shown as plain ones.
    """

    def repr_int64(self, x: Any, level: int) -> str:
        return repr(x.item())

    repr_float64 = repr_int64

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        keys = [f"{self.repr1(key, level - 1)}: ..." for key in list(x)[: self.maxdict]]
        return "{" + ", ".join([*keys, *(["..."] if len(x) > self.maxdict else [])]) + "}"


_brief = _Brief()  # bounded in depth and width: YAML's anchors can make small texts enormous values
_brief.maxlevel, _brief.maxstring, _brief.maxother, _brief.maxlist, _brief.maxtuple, _brief.maxdict = 3, 80, 80, 6, 6, 6


def shown(value: object) -> str:
    """Return a value as it stands in an error message: its repr, cut where it is long.

    Examples
    --------
    >>> len(shown("x" * 1000))
    80
    >>> import numpy as np
    >>> shown(np.int64(-1))
    '-1'
    """
    try:
        text = " ".join(_brief.repr(value).split())
    except ValueError:  # Python does not write out an int of more than some thousand digits
        text = "a number of thousands of digits" if isinstance(value, int) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that is most like one, in whichever case; None if none is like it.

    Parameters
    ----------
    name : str
    known : iterable of str
    likeness : float
        How like it must at least be, from 0 to 1: :meth:`difflib.SequenceMatcher.ratio`. A slip of the pen in a name
        of ten letters keeps 0.85.

    Examples
    --------
    >>> nearest("strnog", ["weak", "Strong"])
    'Strong'
    >>> nearest("strange", ["weak", "Strong"], 0.85)
    """
    names = list(known)
    near = difflib.get_close_matches(name[:80].lower(), [known.lower() for known in names], 1, likeness)
    return next((known for known in names if near and known.lower() == near[0]), None)


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the end of an error message: the nearest known name, or all of them.

    Examples
    --------
    >>> did_you_mean("strnog", ["weak", "strong"])
    " Did you mean 'strong'?"
    >>> did_you_mean("x", ["weak", "strong"])
    " Known: 'weak', 'strong'."
    """
    names = list(known)
    near = nearest(name if isinstance(name, str) else shown(name), names)
    if near is not None:
        return f" Did you mean {near!r}?"
    listed = ", ".join(map(shown, names[:12])) + (", ..." if len(names) > 12 else "")
    listed = listed if len(listed) <= 200 else f"{listed[:197]}..."
    return f" Known: {listed}." if 0 < len(names) <= 24 else ""  # of hundreds of zones, a few say nothing
