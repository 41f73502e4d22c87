"""What is noted of batches at providers, and the ids that items have there."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.batches.provider.submissions import (
    Notes,
    Submission,
    custom_id,
    index_of,
    spans_of,
    tag_of,
)
from tests.clock import START


def submission(*indexes: int, number: int = 3) -> Submission:
    return Submission(
        number=number,
        provider="anthropic",
        model="claude-haiku-5-5",
        label="claude-haiku-5-5",
        sanitize="html",
        spans=spans_of(indexes),
        state="running",
        opened_at=START,
        provider_batch_id="msgbatch_1",
    )


@given(st.sets(st.integers(min_value=0, max_value=200)))
def test_spans_say_which_items_are_in_it(indexes: set[int]) -> None:
    noted = submission(*indexes)
    assert set(noted.indexes) == indexes
    assert noted.size == len(indexes)


def test_a_run_of_items_is_one_span() -> None:
    assert spans_of([4, 0, 1, 2, 7, 8]) == ((0, 2), (4, 4), (7, 8))


def test_notes_are_the_same_after_they_were_kept_as_json() -> None:
    notes = Notes(next_number=4, submissions={3: submission(0, 1, 5)})
    kept = Notes.of(json.loads(json.dumps(notes.to_json())))
    assert kept == notes
    assert kept.indexes == {0, 1, 5}


def test_a_batch_without_notes_has_no_submission() -> None:
    assert Notes.of(None) == Notes(next_number=0, submissions={})


def test_an_items_id_at_the_provider_tells_its_place_and_its_submission() -> None:
    tag = tag_of("batch_01", submission(0))
    assert custom_id(tag, 17) == "batch_01-3-17"
    assert index_of(tag, "batch_01-3-17") == 17


@pytest.mark.parametrize(
    "told", ["batch_01-2-17", "batch_02-3-17", "batch_01-3-", "batch_01-3-x", "17", "batch_01-3-²"]
)
def test_another_submissions_id_is_not_taken_for_ours(told: str) -> None:
    assert index_of("batch_01-3", told) is None


def test_an_items_id_is_within_what_the_vendors_take() -> None:
    tag = tag_of("batch_" + 32 * "f", submission(0, number=49_999))
    assert len(custom_id(tag, 49_999)) <= 64
