"""In which order documents are ingested, over a real store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.access.owners import Owners
from service.bootstrap import Services, open_services
from service.observability.metrics import Metrics
from service.retrieval.ingestion import Ingestion
from service.retrieval.ports import Collection, Document, DocumentFormat, Submission, Unreadable
from tests.clock import START
from tests.running import make_settings


class NotingReader:
    """A DocumentReader that notes what it is given, and can read nothing."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    async def chunks(
        self, content: bytes, format_: DocumentFormat, *, chunk_size: int, chunk_overlap: int
    ) -> list[str]:
        self.given.append(content)
        await asyncio.sleep(0)
        raise Unreadable("I cannot read")


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Services]:
    async with open_services(make_settings(tmp_path), metrics=Metrics()) as services:
        yield services


async def submit(services: Services, tenant: str, *texts: str) -> list[str]:
    """A collection with these documents; the ids of their ingestions."""
    store = services.parts.storage.collections
    kb = Collection(
        id=f"col_{tenant}",
        tenant=tenant,
        name="kb",
        embedding_model="embedding",
        chunk_size=512,
        chunk_overlap=64,
        created_at=START,
        updated_at=START,
    )
    assert await store.add_collection(kb)
    ingestions = []
    for place, text in enumerate(texts):
        document = Document(
            id=f"doc_{place}",
            tenant=tenant,
            collection_id=kb.id,
            file_name=None,
            metadata={},
            content_sha256="",
            status="queued",
            error=None,
            chunks_total=None,
            chunks_embedded=0,
            created_at=START,
            updated_at=START,
        )
        submission = Submission(
            id=f"ing_{tenant}_{place}",
            tenant=tenant,
            collection_id=kb.id,
            document_id=document.id,
            format="text",
            content=text.encode(),
            key_id="key_1",
            token_id=None,
            request_id="r1",
        )
        assert await store.submit(document, submission)
        ingestions.append(submission.id)
    return ingestions


async def test_many_documents_of_one_tenant_keep_another_waiting_for_two(
    services: Services,
) -> None:
    reader = NotingReader()
    ingestion = Ingestion(
        collections=services.parts.storage.collections,
        chunks=services.parts.storage.chunks,
        reader=reader,
        embedding=services.embedding,
        owners=Owners(services.parts.storage.keys, clock=services.parts.clock),
        clock=services.parts.clock,
    )
    many = await submit(services, "greedy", *(f"greedy {n}" for n in range(20)))
    few = await submit(services, "modest", "modest 0", "modest 1")
    await asyncio.gather(*(ingestion.run(job) for job in (*many, *few)))
    assert sorted(reader.given) == sorted(
        [*(b"greedy %d" % n for n in range(20)), b"modest 0", b"modest 1"]
    )
    assert {reader.given.index(b"modest 0"), reader.given.index(b"modest 1")} <= set(range(8))
