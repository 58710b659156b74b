"""Dates in words: the rule that is said is one by which the calendar has exactly these dates."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from timegate.core.dates import LocalDates
from timegate.review.date_words import dates_in_words

FIRST = 20_454  # 2026-01-01
YEAR = np.arange(FIRST, FIRST + 365)
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
months = st.sampled_from([None, "jan-jul", ["feb", "aug", "sep", "dec"]])


def listed(text: str) -> list[str]:
    return re.split(", | and ", text)


@examples(60)
@given(st.sets(st.sampled_from([*range(1, 29), -1, -2, -3]), min_size=1, max_size=3), months)
def test_days_of_the_month(numbers, of):
    """The numbers that are said, read back, give the dates again, and are no more than were given."""
    rule = LocalDates(days_of_month=numbers, months=of)
    dates = rule.start_days(FIRST, FIRST + 364)
    words = dates_in_words(dates, YEAR)
    said = re.fullmatch(r"on the (.*) day of .*", words)[1]
    read = [(-1 if "last" in item else 1) * int((re.match("[0-9]+", item) or ["1"])[0]) for item in listed(said)]
    assert len(read) <= len(numbers)
    assert LocalDates(days_of_month=read, months=of).start_days(FIRST, FIRST + 364).tolist() == dates.tolist()


@examples(60)
@given(st.sampled_from(WEEKDAYS), st.sets(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=3), months)
def test_weekdays_of_the_month(name, nths, of):
    """The first and third Monday are said so."""
    rule = LocalDates(days=[f"{name}#{nth}" for nth in nths], months=of)
    words = dates_in_words(rule.start_days(FIRST, FIRST + 364), YEAR)
    said, weekday = re.match(r"on the (.*) (\w+) of ", words).groups()
    assert weekday == name
    assert {ORDINALS[item] for item in listed(said)} == nths


@examples(60)
@given(st.sets(st.integers(0, 364), min_size=1, max_size=60))
def test_any_dates(places):
    """Of dates that follow no rule, none is said; a rule is said for none but its own dates."""
    dates = YEAR[sorted(places)]
    words = dates_in_words(dates, YEAR, ["DE"])
    if len(dates) > 20 and len({int(day) % 7 for day in dates}) == 7:
        assert words is None or " except " in words or " from " in words
