"""The statistics of a history of incidents: how often, how long, when, and who together.

Importing this module loads scipy, so it waits until somebody fits.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from timegate.core.clock import SECOND_US, Instant, from_us, to_us
from timegate.core.distributions import LengthDistribution
from timegate.core.spans import Spans, union
from timegate.core.spelling import DAYS
from timegate.core.zones import check_zone
from timegate.errors import IncidentError, InvalidTypeError, shown
from timegate.incidents.decisions import Decisions
from timegate.incidents.history import Incidents
from timegate.incidents.incident import Incident
from timegate.incidents.mapping import By, period_us, rank
from timegate.incidents.outages import OutageFit
from timegate.incidents.readers import read_incidents
from timegate.pointer import guided
from timegate.show.text import counted, duration

__all__ = ["fit_outages"]

Float64s = npt.NDArray[np.float64]

FEWEST = 5  # fewer lengths tell three distributions apart by nothing but chance


@guided()
def fit_outages(
    incidents: Incidents | str | Path,
    *,
    min_impact: str = "major",
    components: Sequence[str] | None = None,
    pages: Sequence[str] | None = None,
    by: By = "incident",
    titles: bool = False,
    start: Instant | None = None,
    end: Instant | None = None,
    tz: str = "UTC",
) -> OutageFit:
    """Fit random outages to a history of incidents.

    Incidents of one page that overlap, or touch, are one outage. Scheduled maintenance, incidents without a length
    and open ones are left out, and counted. Of several pages, the lengths and the times between are pooled: the fit
    is that of a typical one of them.

    Parameters
    ----------
    incidents : Incidents
    min_impact, components, pages, by, titles
        Which incidents count, as in :meth:`Incidents.select`.
    start, end : datetime or str, optional
        The period of observation, on which the time between failures depends: give it if it is known. Outages that
        start outside of it are left out. Default: for each page from its first start to its last end.
    tz : str
        The zone of the hours of day and weekdays.

    Returns
    -------
    OutageFit

    Raises
    ------
    IncidentError
        If fewer than five outages are left, or all have the same length.

    Notes
    -----
    The mean time between failures is ``up time / failures``, the maximum likelihood estimate for exponential times of
    which the last is cut off by the end of the observation; an outage with which the observation begins is no
    failure, for nobody saw the up time before it. To the lengths x_1 ... x_n, three distributions are fitted by
    maximum likelihood (scipy.stats, with the location held at 0):

    - exponential: mean x. k = 1 parameter.
    - lognormal: sigma^2 = variance of ln x, median = exp(mean of ln x), mean = median * exp(sigma^2 / 2). k = 2.
    - Weibull: exponent c and scale solve the likelihood equations; mean = scale * Gamma(1 + 1/c). k = 2.

    The one with the least AIC = 2 k - 2 ln L is taken (Akaike 1974, doi:10.1109/TAC.1974.1100705). The mean that it
    has differs from the mean of the data: ``summary()`` shows both. The best of three may still be a poor one:
    ``ks_distance`` tells how far it is from the data, and ``notes`` says so in words.

    ``p_major`` is the share of major and critical incidents among those fitted whose impact is known. Fitted to minor
    ones too (``min_impact="minor"``), the random outages are minor as often as in the history.

    Examples
    --------
    >>> from timegate.incidents.incident import Incident
    >>> hour_us = 3_600_000_000
    >>> lengths = [1, 2, 3, 5, 8, 13]
    >>> history = Incidents(Incident(str(i), "", "openai", "incident", "major", "resolved", i * 100 * hour_us,
    ...                              (i * 100 + length) * hour_us) for i, length in enumerate(lengths))
    >>> fit = fit_outages(history)
    >>> fit.mtbf_s / 3600, round(fit.mttr_s / 3600, 2), fit.distribution
    (96.2, 5.33, 'exponential')
    """
    if isinstance(incidents, str | os.PathLike):
        incidents = read_incidents(incidents)
    if not isinstance(incidents, Incidents):
        raise InvalidTypeError(
            f"incidents must be Incidents, as from read_incidents(path), or a path. Got {shown(incidents)}."
        )
    check_zone(tz)
    first_us, last_us = period_us(start, end)
    part = incidents.select(
        min_impact=min_impact, components=components, pages=pages, by=by, titles=titles, maintenance=False
    )
    decisions = Decisions() + part.decisions
    counting = _counting(part, first_us, last_us, decisions)
    spans: dict[str, list[tuple[int, int | None]]] = {}
    for incident in counting:
        spans.setdefault(incident.page, []).append((incident.start_us, incident.end_us))
    outages = {page: union([np.array(spans[page], np.int64)]) for page in spans}
    number = sum(map(len, outages.values()))
    if number < FEWEST:
        dropped = "".join(f"; {len(ids):,} {rule}" for action, rule, ids in decisions if action == "dropped")
        raise IncidentError(
            f"a fit needs {FEWEST} outages or more. Got {number} of {counted(len(incidents), 'incident')}{dropped}."
        )
    by_page = _observed(outages, first_us, last_us)
    if not by_page["failures"].sum():
        raise IncidentError(
            "no page was seen to be up before an outage: give the period of observation, start and end."
        )
    lengths = np.sort(np.concatenate([(ends - starts) / SECOND_US for starts, ends in (o.T for o in outages.values())]))
    candidates = _candidates(lengths)
    best = next(name for name in _LAWS if name == candidates.index[0])
    shape = float(candidates["shape"].iloc[0])
    starts = pd.DatetimeIndex(np.concatenate([o[:, 0] for o in outages.values()]).view("datetime64[us]"), tz="UTC")
    local = starts.tz_convert(tz)
    weekdays = np.bincount(local.day_of_week, minlength=7)
    return OutageFit(
        mtbf_s=float(by_page["up_s"].sum() / by_page["failures"].sum()),
        mttr_s=float(candidates["mttr_s"].iloc[0]),
        distribution=best,
        shape=None if math.isnan(shape) else shape,
        p_major=_p_major(counting, decisions),
        durations_s=lengths,
        candidates=candidates,
        by_page=by_page,
        overlap=_overlap(outages, by_page),
        starts_by_hour=pd.Series(np.bincount(local.hour, minlength=24), name="starts").rename_axis("hour"),
        starts_by_weekday=pd.Series(weekdays, index=DAYS, name="starts").rename_axis("weekday"),
        tz=tz,
        decisions=decisions,
        sources=part.sources,
    )


def _counting(incidents: Incidents, start_us: int | None, end_us: int | None, decisions: Decisions) -> list[Incident]:
    """Return the incidents that have a length and start within the period of observation."""
    counting = []
    for incident in incidents:
        if incident.end_us is None:
            decisions.note("dropped", "open: its length is not known", incident.id)
        elif incident.end_us == incident.start_us:
            decisions.note("dropped", "has no length: its true times stand in prose, if anywhere", incident.id)
        elif (start_us is not None and incident.start_us < start_us) or (
            end_us is not None and incident.start_us >= end_us
        ):
            decisions.note("dropped", "starts outside of the period of observation", incident.id)
        else:
            counting.append(incident)
    return counting


def _p_major(incidents: Sequence[Incident], decisions: Decisions) -> float:
    """Return the share of the incidents that are major or worse."""
    unknown = [incident.id for incident in incidents if incident.impact is None]
    ranks = [rank(incident.impact) for incident in incidents if incident.impact is not None]
    if not ranks:
        decisions.note("guessed", "impact not known: all are taken for full outages", *unknown)
        return 1.0
    if unknown:
        decisions.note("kept", "impact not known: left out of p_major", *unknown)
    return sum(each >= rank("major") for each in ranks) / len(ranks)


def _observed(outages: dict[str, Spans], start_us: int | None, end_us: int | None) -> pd.DataFrame:
    rows = {}
    for page, spans in outages.items():
        first = int(spans[0, 0]) if start_us is None else start_us
        last = int(spans[-1, 1]) if end_us is None else end_us
        down_s = float(_down_us(spans, first, last)) / SECOND_US
        up_s = (last - first) / SECOND_US - down_s
        failures = int((spans[:, 0] > first).sum())
        rows[page] = {
            "start": pd.Timestamp(from_us(first)),
            "end": pd.Timestamp(from_us(last)),
            "outages": len(spans),
            "failures": failures,
            "up_s": up_s,
            "down_s": down_s,
            "mtbf_s": up_s / failures if failures else math.nan,
            "mttr_s": float((spans[:, 1] - spans[:, 0]).mean()) / SECOND_US,
            "availability": up_s / (up_s + down_s),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("page")


def _down_us(spans: Spans, first: int, last: int) -> int:
    """Return how much of a period the spans take."""
    return int(np.clip(np.minimum(spans[:, 1], last) - np.maximum(spans[:, 0], first), 0, None).sum())


def _overlap(outages: dict[str, Spans], by_page: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for a, b in combinations(outages, 2):
        first = max(to_us(by_page["start"][page], "start") for page in (a, b))
        last = min(to_us(by_page["end"][page], "end") for page in (a, b))
        if first >= last:
            continue  # never observed together
        down_a, down_b = (_down_us(outages[page], first, last) for page in (a, b))
        joint = sum(_down_us(outages[b], max(lo, first), min(hi, last)) for lo, hi in outages[a].tolist())
        expected = down_a * down_b / (last - first)
        ratio = joint / expected if expected else math.nan
        rows.append((a, b, joint / SECOND_US, expected / SECOND_US, ratio))
    return pd.DataFrame(rows, columns=["page", "other", "joint_s", "expected_s", "ratio"])


def _candidates(lengths: Float64s) -> pd.DataFrame:
    """Fit each distribution, the best first."""
    if lengths[0] == lengths[-1]:
        length = duration(float(lengths[0]), "exact")
        raise IncidentError(
            f"all {len(lengths)} outages last {length}: lengths that do not differ have no distribution."
        )
    scaled = lengths / lengths.mean()  # the solver starts near 1
    rows: dict[str, tuple[float, float, float, float, int]] = {}
    fitted: dict[LengthDistribution, Any] = {name: law.fit(scaled, floc=0) for name, law in _LAWS.items()}
    for name, parameters in fitted.items():
        shape = float(parameters[0]) if len(parameters) == 3 else math.nan
        mean = float(_LAWS[name].mean(*parameters)) * lengths.mean()
        likelihood = float(_LAWS[name].logpdf(scaled, *parameters).sum() - len(lengths) * np.log(lengths.mean()))
        distance = float(stats.ks_1samp(scaled, _LAWS[name].cdf, args=parameters, method="asymp").statistic)
        rows[name] = mean, shape, likelihood, distance, len(parameters) - 1
    columns = ["mttr_s", "shape", "log_likelihood", "ks_distance", "k"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    frame["aic"] = 2 * frame.pop("k") - 2 * frame["log_likelihood"]
    return frame.rename_axis("distribution").sort_values("aic", kind="stable")


_LAWS: dict[LengthDistribution, Any] = {
    "exponential": stats.expon,
    "lognormal": stats.lognorm,
    "weibull": stats.weibull_min,
}
