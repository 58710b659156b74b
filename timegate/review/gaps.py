"""When nobody is open: the stretches of a week, as a table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from timegate.config.given import as_config
from timegate.config.model import GatewayConfig
from timegate.core.clock import MINUTE_US, SECOND_US, Instant, SystemClock, from_us, to_us
from timegate.core.spelling import DAYS
from timegate.core.zones import check_zone, monday_us
from timegate.errors import InstantError
from timegate.pointer import guided
from timegate.review.survey import survey

__all__ = ["gaps"]


@guided()
def gaps(
    config: GatewayConfig | str | Path, start: Instant | None = None, end: Instant | None = None, tz: str = "UTC"
) -> pd.DataFrame:
    """Return the minutes of a week that nobody serves: when windows close every deployment.

    Parameters
    ----------
    config : GatewayConfig or path
    start : datetime or str, optional
        An aware instant. Default: Monday 00:00 of this week in ``tz``.
    end : datetime or str, optional
        Default: a week after ``start``, by the clocks of ``tz``.
    tz : str
        The zone of the table.

    Returns
    -------
    DataFrame
        A row a stretch, in order: ``day`` (category) on which it starts; ``start``, ``end`` (datetime64[us, tz]);
        ``minutes`` (float64). Ends are those that windows state: whether that very instant is served, too, is up to
        the window, to which both of its ends belong. The single instants at which two windows meet are not in it.

    Raises
    ------
    InstantError
        If ``end`` does not lie after ``start``.

    Examples
    --------
    >>> config = GatewayConfig(deployments=[
    ...     {"model_name": "strong", "model": "sim/large", "time_constraints": [["22:00", "06:00"]]},
    ...     {"model_name": "weak", "model": "sim/small", "time_constraints": [["05:00", "07:00"]]},
    ... ])
    >>> table = gaps(config, "2026-03-02T00:00Z")
    >>> len(table), str(table["day"].iloc[0]), str(table["start"].iloc[0]), round(table["minutes"].iloc[0])
    (7, 'Mon', '2026-03-02 05:00:00+00:00', 60)
    """
    config = as_config(config)
    check_zone(tz)
    start_us = monday_us(SystemClock().now_us(), tz) if start is None else to_us(start, "start")
    first = pd.Timestamp(from_us(start_us)).tz_convert(tz)
    if end is None:
        week_later = first.tz_localize(None) + timedelta(days=7)
        last = week_later.tz_localize(tz, nonexistent="shift_forward", ambiguous=True)
    else:
        last = pd.Timestamp(from_us(to_us(end, "end")))
    if last <= first:
        raise InstantError(f"end must lie after start. Got {first.isoformat()} to {last.isoformat()}.")
    spans = survey(config, np.array([[start_us, to_us(last, "end")]])).nobody
    spans = spans[spans[:, 1] - spans[:, 0] > 1]
    spans -= spans % SECOND_US == 1  # the microsecond by which something comes after the included end of a window
    starts, ends = (pd.DatetimeIndex(column.astype("M8[us]"), tz="UTC").tz_convert(tz) for column in spans.T.copy())
    names = [day.capitalize() for day in DAYS]
    return pd.DataFrame(
        {
            "day": pd.Categorical([names[day] for day in starts.day_of_week], names),
            "start": starts,
            "end": ends,
            "minutes": (spans[:, 1] - spans[:, 0]) / MINUTE_US,
        }
    )
