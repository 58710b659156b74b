"""Names that people guess, which say what to ask for."""

from __future__ import annotations

from typing import Any, NoReturn, Self

__all__ = ["Pointer"]


class Pointer:
    """A name that objects of a class do not have, but that users look for; on the class itself it says so if called.

    Parameters
    ----------
    instead : str
        What does what they want.

    Examples
    --------
    >>> class Config:
    ...     from_yaml = Pointer("Config.load(path).")
    >>> hasattr(Config(), "from_yaml")
    False
    >>> Config.from_yaml("gateway.yaml")
    Traceback (most recent call last):
        ...
    AttributeError: Config has no 'from_yaml'. Use Config.load(path).
    """

    def __init__(self, instead: str) -> None:
        self.instead = instead

    def __set_name__(self, owner: type, name: str) -> None:
        self.what = f"{owner.__name__} has no {name!r}."

    def __get__(self, instance: object, owner: type) -> Self:
        if instance is not None:
            self()
        return self

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Say what to use."""
        raise AttributeError(f"{self.what} Use {self.instead}")
