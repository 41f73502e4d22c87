"""What is signed, and when it is believed."""

import hashlib
import hmac

import pytest

from service.access.signatures import Signatures, Signed, sign
from service.adapters.replays.memory import MemorySeenSignatures
from service.core.errors import NotAuthenticated
from tests.clock import START, ManualClock

KEY = "sk-ais-tests"
NOW = int(START.timestamp())
BODY = b'{"prompt":"Hello"}'


def signed(timestamp: str = str(NOW), target: bytes = b"/api/v1/generate") -> Signed:
    return Signed(method="POST", target=target, timestamp=timestamp)


def checked(clock: ManualClock) -> Signatures:
    return Signatures(MemorySeenSignatures(clock=clock), clock=clock)


def test_the_signature_is_the_contracts() -> None:
    """A vector that any client can check itself against."""
    text = f"POST\n/api/v1/generate?a=%20b\n{NOW}\n{hashlib.sha256(BODY).hexdigest()}"
    expected = hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    assert expected == "b842782c22ed7a9dbf50a2bb7f82acc9c653b4fe84885c855817b710e565a201"
    assert sign(KEY, signed(target=b"/api/v1/generate?a=%20b"), BODY) == expected


@pytest.mark.parametrize("offset", ["-300", "-0.000001", "0", "299.999", "300"])
def test_a_time_within_the_window_is_taken(offset: str) -> None:
    checked(ManualClock()).check_time(f"{NOW + float(offset):.6f}")


@pytest.mark.parametrize(
    "timestamp",
    [
        *(f"{NOW - 300.001:.3f}", f"{NOW + 300.001:.3f}", "0", "999999999999", f"{NOW}000"),
        *("", "now", "nan", "inf", "-1", "0x10", "2026-11-23T12:00:00Z", "١٧٦٣٩٠٠٠٠٠", "9" * 5000),
        *(f"+{NOW}", f" {NOW}", f"{NOW}.", f"{NOW}e0", f"{NOW}\n", f"{NOW}_0"),
    ],
)
def test_any_other_time_is_refused(timestamp: str) -> None:
    with pytest.raises(NotAuthenticated, match="X-Timestamp"):
        checked(ManualClock()).check_time(timestamp)


async def test_a_signature_passes_once_in_either_case_of_its_letters() -> None:
    signatures = checked(ManualClock())
    good = sign(KEY, signed(), BODY)
    await signatures.check(good, secret=KEY, signed=signed(), body=BODY)
    for again in (good, good.upper()):
        with pytest.raises(NotAuthenticated, match="has come before"):
            await signatures.check(again, secret=KEY, signed=signed(), body=BODY)


async def test_equal_requests_are_told_apart_by_a_fraction_of_a_second() -> None:
    signatures = checked(ManualClock())
    for timestamp in (str(NOW), f"{NOW}.0", f"{NOW}.000001", f"{NOW}.000002"):
        one = signed(timestamp)
        await signatures.check(sign(KEY, one, BODY), secret=KEY, signed=one, body=BODY)


async def test_a_wrong_signature_is_refused_and_takes_nothing_from_the_right_one() -> None:
    signatures = checked(ManualClock())
    good = sign(KEY, signed(), BODY)
    for wrong in (
        "",
        good[:-1],
        good + "0",
        "0" * 64,
        f" {good}",
        "\xe9" * 64,
        sign("x", signed(), BODY),
    ):
        with pytest.raises(NotAuthenticated, match="does not fit"):
            await signatures.check(wrong, secret=KEY, signed=signed(), body=BODY)
    await signatures.check(good, secret=KEY, signed=signed(), body=BODY)


@pytest.mark.parametrize("ahead_seconds", [-300, 0, 300])
async def test_a_replay_is_refused_for_as_long_as_its_time_is_taken(ahead_seconds: int) -> None:
    clock = ManualClock()
    signatures = checked(clock)
    one = signed(str(NOW + ahead_seconds))
    good = sign(KEY, one, BODY)
    await signatures.check(good, secret=KEY, signed=one, body=BODY)
    clock.advance(300 + ahead_seconds)
    signatures.check_time(one.timestamp)
    with pytest.raises(NotAuthenticated, match="has come before"):
        await signatures.check(good, secret=KEY, signed=one, body=BODY)
    clock.advance(0.001)
    with pytest.raises(NotAuthenticated, match="X-Timestamp"):
        signatures.check_time(one.timestamp)
