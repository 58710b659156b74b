"""How this package compiles: one decorator for all kernels, and a cache on disk that is never stale.

numba takes a cached kernel as fresh while the one file that it stands in stays as it is. A kernel that calls functions
of another file, or freezes its constants, would live on after a change there. So the names of the cache's files carry
a digest of all that the package is made of: a kernel of other sources is not found, wherever the cache is, and its
files are dropped.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import numpy as np
from numba import njit
from numba.core.registry import cpu_target
from numba.extending import register_jitable

__all__ = ["inlined", "is_kept", "jit", "register"]

inlined = partial(njit, inline="always")
"""``@inlined()`` compiles a function into each of its callers, with their options."""

# numba's own name has an underscore: without the option, a kernel counts references and is slower.
_MAY_COUNT = hasattr(cpu_target.options, "_nrt")


def jit(*, refcount: bool = True, merged: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function, lets go of the interpreter's lock, and keeps the code on disk.

    Parameters
    ----------
    refcount : bool
        Without the counting of references a loop may run twice as fast. Such a kernel neither makes nor returns
        arrays, nor do those that it calls: work arrays come in as arguments. (Most of what makes one is refused when
        it is compiled.) The option is each kernel's own: a callee keeps what its own decorator says, whoever called
        it first. What numba brings (``np.searchsorted``) has no decorator, and is shared by all.
    merged : bool
        Whether the compiler makes it part of each of its callers. A call passes every array of a tuple by value, which
        costs more than many a small function.

    Examples
    --------
    >>> @jit()
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """

    def compiled(function: Callable[..., Any]) -> Any:
        # Always said: a callee that says nothing inherits it from the caller that happens to compile it, also on disk.
        options: dict[str, Any] = {"_nrt": refcount} if _MAY_COUNT else {}
        if merged:
            options["forceinline"] = True
        kernel = njit(nogil=True, **options)(function)
        if hasattr(kernel, "enable_caching"):  # NUMBA_DISABLE_JIT leaves the function as it is
            _keep(kernel, function, f"{_digest()}{'' if refcount else '-uncounted'}")
        return kernel

    return compiled


@cache
def register(module: ModuleType) -> None:
    """Let kernels call the functions of a module of plain Python, which stays as it is and never hears of numba.

    Called from Python, a function is the plain one. The compiler inlines it where that pays; numba's own inlining
    (``inline="always"``) made wrong code of functions that return from within a loop.

    Parameters
    ----------
    module : module
        Of this package: a change there makes kernels anew.

    Examples
    --------
    >>> from types import ModuleType
    >>> policy = ModuleType("policy")
    >>> exec("def pause_us(tries): return 1_000 * 2 ** tries", policy.__dict__)
    >>> register(policy)
    >>> @jit()
    ... def waits_us(tries):
    ...     return policy.pause_us(tries)
    >>> waits_us(3)
    8000
    """
    for function in vars(module).values():
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            register_jitable(forceinline=True)(function)


def is_kept() -> bool:
    """Whether what is compiled is kept: some folder can be written to, as far as kernels have looked for one.

    Examples
    --------
    >>> is_kept()
    True
    """
    return _say_that_nothing_is_kept.cache_info().currsize == 0


def _keep(kernel: Any, function: Callable[..., Any], key: str) -> None:
    """Give a kernel a cache whose files are named by a key, if there is a folder to write them to."""
    name = function.__qualname__
    function.__qualname__ = f"{name}-{key}"  # numba names the files by it, here and now
    try:
        kernel.enable_caching()
    except RuntimeError:
        _say_that_nothing_is_kept()
    else:
        _drop_others(kernel.stats.cache_path)
    finally:
        function.__qualname__ = name


@cache
def _digest() -> str:
    package = Path(__file__).parent.parent
    digest = hashlib.blake2b(f"numba {numba.__version__} numpy {np.__version__}".encode(), digest_size=8)
    for path in sorted(package.rglob("*.py")):
        if path.is_file():  # an editor's lock may be a link to nowhere
            digest.update(f"\0{path.relative_to(package)}\0{path.stat().st_size}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


@cache
def _drop_others(folder: str) -> None:
    """Drop what other sources left in a folder of the cache, all of which is this package's."""
    for path in Path(folder).glob("*.nb[ic]*"):
        if _digest() not in path.name:
            path.unlink(missing_ok=True)


@cache
def _say_that_nothing_is_kept() -> None:
    sys.stderr.write(
        "timegate: no folder can be written to that would keep compiled code, so each process compiles anew; "
        "set NUMBA_CACHE_DIR to one that can.\n"
    )
