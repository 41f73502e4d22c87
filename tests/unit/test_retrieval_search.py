"""How two rankings become one."""

from service.retrieval.ports import FoundChunk
from service.retrieval.search import fused


def found(*ids: int) -> list[FoundChunk]:
    return [FoundChunk(id=id_, document_id=f"doc_{id_}", text="", metadata={}) for id_ in ids]


def test_chunk_that_stands_high_in_both_rankings_leads() -> None:
    ranking = fused(found(1, 2, 3), found(4, 2, 5))
    assert ranking[0].id == 2
    assert {chunk.id for chunk in ranking[1:3]} == {1, 4}
    assert [chunk.id for chunk in ranking[3:]] == [3, 5]


def test_each_chunk_stands_once_with_what_the_first_ranking_knew_of_it() -> None:
    known = FoundChunk(id=1, document_id="doc_1", text="known", metadata={}, similarity=0.5)
    assert fused([known], found(1)) == [known]


def test_one_empty_ranking_leaves_the_other_as_it_is() -> None:
    assert fused([], found(3, 1, 2)) == found(3, 1, 2)
