"""The export of a config: the same steps for every target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from timegate.config.model import GatewayConfig
from timegate.core.clock import Instant, SystemClock, from_us, to_us
from timegate.errors import ConfigError, did_you_mean, shown
from timegate.files import as_path, read_text, replacing
from timegate.formats.format import Request
from timegate.formats.own import CHECKED_BY
from timegate.formats.registry import ALIASES, FORMATS
from timegate.problems import Problem
from timegate.review.check import check
from timegate.version import __version__

__all__ = ["Exported", "export"]


@dataclass(frozen=True, slots=True, repr=False)
class Exported:
    """What an export wrote. Prints as text.

    Attributes
    ----------
    to : str
        The target.
    path : Path
    checked : str
        Which version of timegate checked the config, when, and what it found.
    lost : tuple of Problem
        What the target cannot say, each a sentence with its place; empty unless ``lossy``.
    notes : tuple of Problem
        What it says in another way.
    """

    to: str
    path: Path
    checked: str
    lost: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()

    def __repr__(self) -> str:
        lines = [f"Wrote {self.path} ({FORMATS[self.to].title}).", self.checked]
        return "\n".join([*lines, *(f"Lost: {text}" for text in self.lost), *(f"Note: {text}" for text in self.notes)])


def export(
    config: GatewayConfig,
    to: str,
    path: str | Path,
    *,
    lossy: bool = False,
    like: str | Path | None = None,
    now: Instant | None = None,
) -> Exported:
    """Write a config in the format of a target, whole or not at all.

    The new file is written beside the old one, read back and compared, and then put in its place: whenever the process
    is killed, there stands the old file or the whole new one. A symbolic link stays one.

    Parameters
    ----------
    config : GatewayConfig
    to : str
        The target: ``"timegate"`` (ours, also as ``"yaml"`` and ``"json"``; the comments and order of the YAML file
        that the config was loaded from are kept), ``"msgflux"`` (the state of a msgflux gateway), ``"msgflux-by-id"``
        (the older form of that state, which tells models by their ids), ``"litellm"`` (a LiteLLM proxy config) or
        ``"ics"`` (a calendar).
    path : path
        The file. ``.json``, ``.yaml`` and ``.yml`` choose the form; any other suffix leaves it to the target.
    lossy : bool
        Whether to leave out what the target cannot say. The file lists it, in comments, or in JSON under the key
        ``_export``.
    like : path, optional
        A YAML file of ours whose comments and order to keep, for a config that was not loaded from one.
    now : datetime or str, optional
        When the export happens: windows in other zones are translated by the rules that hold from then on.
        Default: now.

    Returns
    -------
    Exported
        What was written and what was lost.

    Raises
    ------
    ConfigError
        If there is no such target; if something would be lost (``problems`` lists all of it) and ``lossy`` is not set;
        if the file cannot be written.
    MissingExtraError
        If a target needs a package that is not installed.
    """
    path, to = as_path(path), ALIASES.get(to, to)
    if to not in FORMATS:
        raise ConfigError(f"to must be one of the known targets. Got {shown(to)}.{did_you_mean(to, FORMATS)}")
    target = FORMATS[to]
    now_us = SystemClock().now_us() if now is None else to_us(now, "now")
    source = config._source.text if like is None else read_text(Path(like), ConfigError)
    request = Request(config, path, now_us, source)
    draft = target.translate(request)
    if draft.lost and not lossy:
        first, *others = (problem.after(f"{to} cannot say") for problem in draft.lost)
        raise ConfigError(first.advising("Pass {} to leave out what it cannot say.", ("lossy", True)), *others)
    checked = _checked(config, now_us)
    lost = [f"Lost: {text}" for text in draft.lost]
    notes = [f"Note: {text}" for text in draft.notes]
    content = target.render(draft, request, [checked, *lost, *notes])
    try:
        if path.is_dir():
            raise ConfigError(f"{path}: is a folder, not a file.")
        with replacing(path) as unfinished:
            unfinished.write_bytes(content)
            if not target.is_right(unfinished, draft, request):
                raise ConfigError(f"{path}: was not written, for it would not have said what the config does.")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror or error}.") from None
    return Exported(to, path, checked, tuple(draft.lost), tuple(draft.notes))


def _checked(config: GatewayConfig, now_us: int) -> str:
    """Say which version checked the config, when, and what it found."""
    findings = check(config, now=from_us(now_us))
    codes = sorted(Counter(finding.code for finding in findings).items())
    listed = ", ".join(code if n == 1 else f"{code} x {n:,}" for code, n in codes)
    found = f"{findings.headline.removesuffix('.')} ({listed})" if codes else "no findings"
    return f"{CHECKED_BY} {__version__} on {from_us(now_us):%Y-%m-%d %H:%M} UTC: {found}."
