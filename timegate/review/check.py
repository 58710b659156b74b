"""Checks of a config: what is valid, and still not what its owner can have meant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np

from timegate.config.given import as_config
from timegate.config.model import GatewayConfig
from timegate.core.clock import DAY_US, LAST_US, MINUTE_US, SECOND_US, Instant, SystemClock, to_us
from timegate.core.deployment import LISTS, windows_of
from timegate.core.spans import Spans, union
from timegate.core.targets import provider_target
from timegate.errors import InstantError, InvalidTypeError, shown
from timegate.pointer import guided
from timegate.review.findings import Finding, Findings
from timegate.review.policy_checks import check_policies
from timegate.review.price_checks import check_prices
from timegate.review.provider_checks import check_providers
from timegate.review.recurrence import Terms, occurrence, offset_changes, patterns, terms_of
from timegate.review.survey import Survey, survey
from timegate.review.window_checks import check_windows
from timegate.show.text import counted, duration, listed, percent

__all__ = ["check"]

WHOLE = "deployments"
WEEK_DAYS, YEAR_DAYS = 7, 366
MOST_WINDOWS_A_YEAR = 2_000
MOST_PATTERNS = 6  # that are listed; the others share a finding


@guided()
def check(
    config: GatewayConfig | str | Path,
    horizon: timedelta | float | tuple[Instant, Instant] | None = None,
    *,
    now: Instant | None = None,
    here: bool = False,
) -> Findings:
    """Find what a valid config does that its owner may not have meant.

    Who is open is computed to the microsecond, over the week that begins now, the day before and after each change
    of the clocks in the coming year in every zone that a window names, and the horizon. A deployment counts as
    reachable if it is open at any instant looked at: whoever is open is tried, as first choice or as fallback.

    Parameters
    ----------
    config : GatewayConfig or path
        Of a file, the text is checked too: times that are not quoted.
    horizon : timedelta, float, or pair of datetime or str, optional
        How far to look ahead, as a length of time or a number of days from now; or the start and end of a stretch.
        Default: the coming year, of 366 days; for more than 2,000 windows a week.
    now : datetime or str, optional
        The instant from which to look ahead. Default: the present one. Given, the findings can be reproduced.
    here : bool
        Whether to look also at what ``build()`` will find on this machine: who serves each provider, and which
        variables of keys are set. No key is read.

    Returns
    -------
    Findings
        The worst first.

    Raises
    ------
    ConfigError
        If the file cannot be read, or is no valid config.
    InstantError
        If the horizon is not a length or stretch of time, or leads out of the years 1900 to 2199.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[
    ...     {"model_name": "day", "model": "sim/large", "time_constraints": [["22:00", "06:00"]]},
    ...     {"model_name": "night", "model": "acme/small", "time_constraints": [["07:00", "23:00"]]},
    ... ])
    >>> for finding in check(config, now="2026-03-02T12:00Z").at_least("error"):
    ...     print(finding.code, finding.message)
    TG101 No deployment is open from 22:00 to 23:00 UTC every day, next Mon 2026-03-02 22:00 to 23:00 UTC.
    """
    found: list[Finding] = []
    if not isinstance(config, GatewayConfig):
        path, config = config, as_config(config)
        found += _text_findings(Path(path), config)
    now_us = SystemClock().now_us() if now is None else to_us(now, "now")
    periods = _periods(config, horizon, now_us)
    surveyed = survey(config, periods)
    terms = terms_of(config)
    found += _coverage_findings(config, surveyed, periods, terms, now_us)
    found += _provider_findings(config, surveyed, periods, terms, now_us)
    if here:
        found += check_providers(config)
    found += check_windows(config, surveyed, now_us)
    found += check_policies(config, surveyed, periods)
    found += check_prices(config, periods)
    return Findings(found, periods)


def _periods(config: GatewayConfig, horizon: object, now_us: int) -> Spans:
    """Return the time to look at."""
    if isinstance(horizon, list | tuple) and len(horizon) == 2:
        start_us, end_us = (to_us(at, f"horizon[{i}]") for i, at in enumerate(horizon))
        if end_us <= start_us:
            raise InstantError(f"horizon must end after its start. Got {shown(horizon)}.")
        return np.array([[start_us, end_us]])
    windows = [window for _, _, window in windows_of(config.deployments)]
    days = YEAR_DAYS if len(windows) <= MOST_WINDOWS_A_YEAR else WEEK_DAYS
    horizon_us = days * DAY_US if horizon is None else _length_us(horizon, now_us)
    parts = [(now_us, now_us + horizon_us), (now_us, now_us + WEEK_DAYS * DAY_US)]
    for zone in {window.tz for window in windows}:
        changes = offset_changes(zone, now_us, now_us + YEAR_DAYS * DAY_US)
        parts += [(max(now_us, change_us - DAY_US), change_us + DAY_US) for change_us, _, _ in changes]
    return union([np.array(parts).clip(max=LAST_US)])


def _length_us(horizon: object, now_us: int) -> int:
    days = horizon / timedelta(days=1) if isinstance(horizon, timedelta) else horizon
    if isinstance(days, bool) or not isinstance(days, int | float):
        raise InvalidTypeError(
            f"horizon must be a length of time, a number of days, or a pair of instants. Got {shown(horizon)}."
        )
    if not 0 < days * DAY_US <= LAST_US - now_us:
        raise InstantError(f"horizon must be longer than 0 days, and end before the year 2200. Got {shown(horizon)}.")
    return max(1, round(days * DAY_US))


def _text_findings(path: Path, config: GatewayConfig) -> Iterator[Finding]:
    """Find texts in the file that a reader of YAML 1.1 takes for something else."""
    if path.suffix == ".json":
        return
    # YAML waits until a file is read: `import timegate` stays short.
    from timegate.review.quoting import ambiguous

    for found in ambiguous(path.read_text(encoding="utf-8-sig")):
        deployment: str | None = None
        field: str | None = None
        index: int | None = None
        match found.path:
            case ("deployments", int(i), *rest) if i < len(config.deployments):
                deployment = config.deployments[i].model_name
                match rest:
                    case [str(kind), int(place), *_] if kind in LISTS:
                        field, index = kind, place
        is_time = field is not None and found.read_as.startswith("the number")
        yield Finding(
            "TG501" if is_time else "TG502",
            f"{path}, line {found.line}, column {found.column}",
            f"The {'time' if is_time else 'text'} {found.text} is not quoted: readers of YAML 1.1 take it for "
            f"{found.read_as}.",
            f'Write it quoted: "{found.text}".',
            deployment,
            field,
            index,
            found.line,
            found.column,
        )


def _coverage_findings(
    config: GatewayConfig, surveyed: Survey, periods: Spans, terms: Terms, now_us: int
) -> Iterator[Finding]:
    """Find the times when nobody is open or only one, and deployments that are never open."""
    gaps, moments = _without_moments(surveyed.nobody)
    for words, spans in _recurring(gaps, terms, periods, now_us):
        words = words.replace("at all times", "at any time")  # "not open at all times" might say: not always
        yield Finding(
            "TG101", WHOLE, f"No deployment is open {words}.", _who_closes(config, int(spans[0, 0])), spans_us=spans
        )
    if len(moments):
        words = "; ".join(words for words, _ in _recurring(moments, terms, periods, now_us))
        yield Finding(
            "TG102",
            WHOLE,
            f"No deployment is open for the single instant {words}.",
            "Both ends of a window belong to it. It matters only to calls that arrive at that very microsecond.",
            spans_us=moments,
        )
    if len(config.deployments) == 1:
        yield Finding(
            "TG105",
            WHOLE,
            f"{config.deployments[0].model_name!r} is the only deployment: no call can fall back.",
            "Add a second deployment, best by another provider.",
        )
    for i, spans in surveyed.only.items() if len(config.deployments) > 1 else ():
        name = config.deployments[i].model_name
        for words, stretches in _recurring(_without_moments(spans)[0], terms, periods, now_us):
            message = f"Only {name!r} is open {words}: no call can fall back."
            yield Finding.of_deployment(
                "TG103", (i,), name, message, _who_closes(config, int(stretches[0, 0])), stretches
            )
    for i, (deployment, spans) in enumerate(zip(config.deployments, surveyed.open, strict=True)):
        longest_us = int(np.diff(spans, axis=1).max(initial=0))
        if longest_us < MINUTE_US:
            often = (
                f"for more than {duration(longest_us / SECOND_US)} at a time" if longest_us else "in the time looked at"
            )
            yield Finding.of_deployment(
                "TG104",
                (i,),
                deployment.model_name,
                f"{deployment.model_name!r} is never open {often}: calls cannot count on it.",
                "Shorten its time_constraints, widen its available windows, or remove the deployment.",
                spans,
            )


def _provider_findings(
    config: GatewayConfig, surveyed: Survey, periods: Spans, terms: Terms, now_us: int
) -> Iterator[Finding]:
    """Find fallback that stays inside the outage of one provider."""
    fix = "Add a deployment by another provider, or open one then."
    providers = {deployment.provider for deployment in config.deployments}
    if len(providers) == 1 and len(config.deployments) > 1:
        target = provider_target(providers.pop())
        message = f"All deployments lie behind {target}: one outage there fails every call."
        yield Finding("TG201", WHOLE, message, fix)
        return
    total_us = int(np.diff(periods, axis=1).sum())
    for provider, spans in surveyed.only_provider.items():
        spans = _without_moments(spans)[0]
        if len(spans):
            share = percent(np.diff(spans, axis=1).sum() / total_us, 0)
            words, _ = next(_recurring(spans, terms, periods, now_us))
            target = provider_target(provider)
            message = f"All that are open lie behind {target} for {share} of the time, mostly {words}."
            yield Finding("TG202", WHOLE, message, fix, spans_us=spans)


def _recurring(spans: Spans, terms: Terms, periods: Spans, now_us: int) -> Iterator[tuple[str, Spans]]:
    """Describe stretches by pattern, each with its next occurrence; what is beyond a few patterns together."""
    found = patterns(spans, terms.zones, periods, terms.calendars)
    for words, stretches in found[:MOST_PATTERNS]:
        yield f"{words}, {_next(stretches, terms, now_us)}" if words != "at all times" else words, stretches
    if rest := found[MOST_PATTERNS:]:
        stretches = union(pattern.spans for pattern in rest)
        together = duration(np.diff(stretches, axis=1).sum() / SECOND_US)
        following = _next(stretches, terms, now_us)
        yield f"{counted(len(stretches), 'more time')} for {together} together, {following}", stretches


def _next(spans: Spans, terms: Terms, now_us: int) -> str:
    coming = spans[spans[:, 0] > now_us]
    start_us, end_us = (coming if len(coming) else spans)[0].tolist()
    return f"{'next' if len(coming) else 'first'} {occurrence((start_us, end_us), terms.zones)}"


def _without_moments(spans: Spans) -> tuple[Spans, Spans]:
    """Set apart the stretches of one microsecond, in which both ends of two windows meet."""
    is_moment = spans[:, 1] - spans[:, 0] == 1
    return spans[~is_moment], spans[is_moment]


def _who_closes(config: GatewayConfig, at_us: int) -> str:
    """Name the windows whose change would open a deployment at an instant."""
    advice = "Open one of those that are closed then"
    if sum(1 for _ in windows_of(config.deployments)) > MOST_WINDOWS_A_YEAR:
        return f"{advice}."
    reasons = []
    for deployment in config.deployments:
        closing = [
            f"time_constraints[{index}]"
            for index, window in enumerate(deployment.time_constraints)
            if len(window.spans_us(at_us, at_us + 1))
        ]
        if deployment.available and not any(len(w.spans_us(at_us, at_us + 1)) for w in deployment.available):
            closing.append("no window of available")
        if closing:
            reasons.append(f"{deployment.model_name!r} ({listed(closing)})")
    return f"{advice}: {listed(reasons, 'or')}."
