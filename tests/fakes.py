"""One fake for each port that the use cases need, and what they are called with."""

import asyncio
from asyncio import Future
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any, NoReturn

from msgspec.structs import replace

from service.access.ports import (
    ApiKey,
    KeySettings,
    KeyStore,
    KeyStoreUnavailable,
    ResolvedKey,
    Tenant,
)
from service.access.principal import Principal
from service.core.messages import (
    Completion,
    CompletionRequest,
    Embeddings,
    Message,
    StreamEnd,
    StreamEvent,
    TextDelta,
    Usage,
)
from service.inference.context import CallContext
from service.inference.ports import (
    CompletionCall,
    EmbeddingCall,
    FailureKind,
    Provider,
    ProviderFailure,
)
from service.usage.ports import (
    BudgetExhausted,
    Intent,
    Ledger,
    LedgerUnavailable,
    Reservation,
    Settlement,
    ThresholdReached,
    UsageRecord,
)


class Hang:
    """An answer that never comes."""


HANG = Hang()

Read = list[StreamEvent] | BaseException | Hang | Callable[[], None]
"""What one read of a stream brings. A function is run and the stream goes on: time passes, say."""

Answer = Completion | Embeddings | BaseException | Hang | Sequence[Read]
"""How a provider meets one call; a sequence is for streams."""


class FakeProvider:
    """Meets its calls with `answers`, in turn; the last one stands for all that follow."""

    def __init__(self, *answers: Answer, name: str = "acme") -> None:
        self._name = name
        self.answers = answers
        self.calls: list[CompletionCall | EmbeddingCall] = []
        self.open_streams = 0
        self.cancelled_calls = 0

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: CompletionCall) -> Completion:
        answer = await self._answer(call)
        assert isinstance(answer, Completion)
        return answer

    async def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        self.open_streams += 1
        try:
            reads = await self._answer(call)
            assert isinstance(reads, Sequence)
            for read in reads:
                if callable(read):
                    read()
                    continue
                if isinstance(read, BaseException | Hang):
                    await self._fail(read)
                yield read
        finally:
            self.open_streams -= 1

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        answer = await self._answer(call)
        assert isinstance(answer, Embeddings)
        return answer

    async def aclose(self) -> None:
        """There is nothing to release."""

    async def _answer(
        self, call: CompletionCall | EmbeddingCall
    ) -> Completion | Embeddings | Sequence[Read]:
        answer = self.answers[min(len(self.calls), len(self.answers) - 1)]
        self.calls.append(call)
        if isinstance(answer, BaseException | Hang):
            await self._fail(answer)
        return answer

    async def _fail(self, how: BaseException | Hang) -> NoReturn:
        if isinstance(how, BaseException):
            raise how
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled_calls += 1
            raise
        raise AssertionError("nobody sets this event")


class FakeLedger:
    """Rows in memory. Whether the database is there, and how fast, is for a test to say."""

    def __init__(self) -> None:
        self.is_available = True
        self.settles_at_once = True
        self.can_commit = asyncio.Event()
        self.can_commit.set()
        self.intents: dict[str, Intent] = {}
        self.settlements: list[Settlement] = []
        self.unwritten: list[Future[None]] = []
        self.voided: list[str] = []
        self.reservations: list[Reservation] = []
        self.funds_usd = Decimal(1_000_000)

    @property
    def settlement(self) -> Settlement:
        """The settlement of the only row, which must have been settled exactly once."""
        [settlement] = self.settlements
        assert [settlement.id] == list(self.intents)
        return settlement

    async def open(
        self, intent: Intent, reservation: Reservation | None = None, *, again: bool = False
    ) -> Decimal | None:
        """A caller who leaves meanwhile leaves nothing to settle, as with the real ones.

        Of a reservation, the greatest amount up to `funds_usd` is held.
        """
        self._check()
        try:
            await self.can_commit.wait()
        except asyncio.CancelledError:
            self.voided.append(intent.id)
            raise
        held_usd = self._hold(reservation) if reservation else None
        self.intents[intent.id] = intent
        return held_usd

    def _hold(self, reservation: Reservation) -> Decimal:
        self.reservations.append(reservation)
        affordable = [a for a in reservation.amounts_usd if a <= self.funds_usd]
        if not affordable:
            raise BudgetExhausted(reservation.accounts[0], spent_usd=Decimal(1) - self.funds_usd)
        return affordable[0]

    def settle(self, settlement: Settlement) -> Future[None]:
        self.settlements.append(settlement)
        written: Future[None] = asyncio.get_running_loop().create_future()
        if self.settles_at_once:
            written.set_result(None)
        else:
            self.unwritten.append(written)
        return written

    def record(
        self, intent: Intent, settlement: Settlement, *, again: bool = False
    ) -> Future[None]:
        self.intents[intent.id] = intent
        return self.settle(settlement)

    async def sweep_orphans(self) -> int:
        return 0

    async def find(self, record_id: str, *, tenant: str) -> UsageRecord | None:
        self._check()
        intent = self.intents.get(record_id)
        if intent is None or intent.tenant != tenant:
            return None
        settled = [settlement for settlement in self.settlements if settlement.id == record_id]
        return UsageRecord(intent=intent, settlement=settled[0] if settled else None)

    async def ping(self) -> None:
        self._check()

    async def start(self) -> None:
        """There is nothing to start."""

    async def aclose(self) -> None:
        """There is nothing to stop."""

    def _check(self) -> None:
        if not self.is_available:
            raise LedgerUnavailable("the database is away")


class RecordedEvents:
    """UsageEvents, for a test to look at."""

    def __init__(self) -> None:
        self.thresholds: list[ThresholdReached] = []

    def threshold_reached(self, event: ThresholdReached) -> None:
        self.thresholds.append(event)


class FakeKeyStore:
    """Keys in memory. `lookups` counts the questions by digest; while `can_answer` is clear, they wait."""

    def __init__(self, *keys: ApiKey) -> None:
        self.is_available = True
        self.can_answer = asyncio.Event()
        self.can_answer.set()
        self.lookups = 0
        self.uses: list[Mapping[str, datetime]] = []
        self._keys = {key.id: key for key in keys}
        self._tenants: dict[str, Tenant] = {}

    async def resolve(self, digest: str) -> ResolvedKey | None:
        self.lookups += 1
        self._check()
        found = [key for key in self._keys.values() if key.digest == digest]
        found += [key for key in self._keys.values() if key.previous_digest == digest]
        answer = self._resolved(found[0]) if found else None
        await self.can_answer.wait()
        return answer

    async def find(self, key_id: str, *, tenant: str | None) -> ApiKey | None:
        self._check()
        key = self._keys.get(key_id)
        return key if key is not None and tenant in (None, key.tenant) else None

    async def list_keys(
        self, *, tenant: str | None, limit: int, before: str | None = None
    ) -> list[ApiKey]:
        self._check()
        keys = sorted(self._keys.values(), key=lambda key: key.id, reverse=True)
        return [
            key
            for key in keys
            if key.parent_id is None
            and tenant in (None, key.tenant)
            and (before is None or key.id < before)
        ][:limit]

    async def add(self, key: ApiKey) -> bool:
        self._check()
        if any(key.id == other.id or key.digest == other.digest for other in self._keys.values()):
            return False
        self._keys[key.id] = key
        return True

    async def put(self, key: ApiKey) -> None:
        self._check()
        if any(other.digest == key.digest and other.id != key.id for other in self._keys.values()):
            raise ValueError("a key of another id has this digest")
        self._keys[key.id] = key

    async def change(self, key_id: str, *, tenant: str, changes: KeySettings) -> ApiKey | None:
        key = await self._living(key_id, tenant)
        return None if key is None else self._keep(replace(key, **changes))

    async def rotate(
        self,
        key_id: str,
        *,
        tenant: str,
        digest: str,
        prefix: str,
        now: datetime,
        previous_expires_at: datetime | None,
    ) -> ApiKey | None:
        key = await self._living(key_id, tenant)
        if key is None:
            return None
        return self._keep(
            replace(
                key,
                digest=digest,
                prefix=prefix,
                rotated_at=now,
                previous_digest=key.digest if previous_expires_at else None,
                previous_expires_at=previous_expires_at,
            )
        )

    async def revoke(self, key_id: str, *, tenant: str, now: datetime) -> None:
        self._check()
        for key in list(self._keys.values()):
            if key_id in (key.id, key.parent_id) and key.tenant == tenant and not key.revoked_at:
                self._keep(replace(key, revoked_at=now))

    async def record_uses(self, uses: Mapping[str, datetime]) -> None:
        self._check()
        self.uses.append(uses)

    async def delete_tokens(self, *, expired_before: datetime) -> int:
        self._check()
        old = [
            key.id
            for key in self._keys.values()
            if key.parent_id and key.expires_at and key.expires_at < expired_before
        ]
        for key_id in old:
            del self._keys[key_id]
        return len(old)

    async def find_tenant(self, tenant_id: str) -> Tenant:
        self._check()
        return self._tenants.get(tenant_id, Tenant(id=tenant_id))

    async def put_tenant(self, tenant: Tenant) -> None:
        self._check()
        self._tenants[tenant.id] = tenant

    async def _living(self, key_id: str, tenant: str) -> ApiKey | None:
        key = await self.find(key_id, tenant=tenant)
        return None if key is None or key.revoked_at else key

    def _keep(self, key: ApiKey) -> ApiKey:
        self._keys[key.id] = key
        return key

    def _resolved(self, key: ApiKey) -> ResolvedKey:
        parent = self._keys[key.parent_id] if key.parent_id else None
        tenant = self._tenants.get(key.tenant, Tenant(id=key.tenant))
        return ResolvedKey(key=key, tenant=tenant, parent=parent)

    def _check(self) -> None:
        if not self.is_available:
            raise KeyStoreUnavailable("the database is away")


_provider: type[Provider] = FakeProvider
_ledger: type[Ledger] = FakeLedger
_key_store: type[KeyStore] = FakeKeyStore


class LongestWaits(Random):
    """No chance: every choice from a range is its upper end."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def failure(kind: FailureKind, *, retry_after: float | None = None) -> ProviderFailure:
    """A failure of that kind."""
    return ProviderFailure(kind, f"because of {kind}", retry_after_seconds=retry_after)


_USAGE = Usage(input_tokens=100, output_tokens=20)
_COMPLETION = Completion(
    text="Hello!", finish_reason="stop", usage=_USAGE, provider_model="acme-1-20260101"
)
_CONTEXT = CallContext(
    principal=Principal(key_id="key_1", tenant="tenant", scopes=frozenset({"generate"})),
    request_id="4b1f",
    kind="generate",
    metadata={"team": "search"},
)


def completion(**changes: Any) -> Completion:
    """A whole answer of 100 input and 20 output tokens."""
    return replace(_COMPLETION, **changes)


def stream_end(**changes: Any) -> StreamEnd:
    """The terminal marker of a stream of 100 input and 20 output tokens."""
    end = StreamEnd(finish_reason="stop", usage=_USAGE, provider_model="acme-1-20260101")
    return replace(end, **changes)


def words(*texts: str) -> list[StreamEvent]:
    """One read that brings these pieces of text."""
    return [TextDelta(text) for text in texts]


def request(text: str = "Hi", **changes: Any) -> CompletionRequest:
    """A prompt to the alias `default`."""
    prompt = CompletionRequest(
        model="default", messages=(Message(role="user", content=text),), max_tokens=100
    )
    return replace(prompt, **changes)


def context(**changes: Any) -> CallContext:
    """The surroundings of a request of tenant `tenant`."""
    return replace(_CONTEXT, **changes)
