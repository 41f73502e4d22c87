"""One batch on its way through providers' own batches; see `submissions` for its steps.

Every step is noted before the next is taken, so that whoever takes over after a death goes on from there.
What has been handed over is never handed over again unless the provider says that it has not got it.
"""

import asyncio
from collections.abc import Iterable, Sequence

import structlog
from msgspec import Struct
from msgspec.structs import replace

from service.access.principal import Principal
from service.batches.durable.ends import failed
from service.batches.ports import ItemEnd, Owner, PendingItem, StoredBatch
from service.batches.provider.items import RunnableItem, runnable
from service.batches.provider.ports import NotYetKnown, ProviderBatches
from service.batches.provider.results import Results, pending_items
from service.batches.provider.submissions import Notes, Submission, custom_id, spans_of, tag_of
from service.batches.provider.tools import ProviderTools
from service.core.clock import Clock
from service.core.errors import BudgetExceeded, InvalidRequest, ServiceError
from service.inference.catalog import Target
from service.inference.ports import FailureKind, ProviderFailure
from service.inference.routing import error_of

log = structlog.get_logger(__name__)

MAX_ITEMS = 10_000
MAX_BYTES = 16 * 1024 * 1024
"""Of one submission: well within what the vendors take (50,000 requests and 200 MB; 100,000 and 256 MB),
as it is in memory while it is sent."""

_PAGE_ITEMS = 200
_OPENED_AT_ONCE = 100
_ITEMS_BETWEEN_TURNS = 20
_SEND_SECONDS = 300.0
_ASK_SECONDS = 60.0
_FETCH_SECONDS = 900.0
_ARRIVAL_SECONDS = 60.0
"""How long after it was sent a batch that has arrived is surely listed."""
_BUDGET_WAIT_SECONDS = 60.0
_LONGEST_SILENCE_SECONDS = 24 * 3600.0
"""After so long a provider that does not tell of a batch is not waited for, if that batch is to end."""


class _Due(Struct, frozen=True):
    at: float
    waited_seconds: float | None = None


class ProviderWork:
    """The work on one batch in this process."""

    def __init__(self, tools: ProviderTools, batch: StoredBatch) -> None:
        self._tools = tools
        self._batch = batch
        self._notes = Notes.of(batch.provider_batches)
        self._results = Results(tools, batch)
        self._due = {
            submission.number: self._first_look(submission)
            for submission in self._notes.submissions.values()
        }
        self._rest_due: float | None = 0.0  # None: every item has ended or is in a submission
        self._is_held_up = batch.status == "paused"
        self._woken = asyncio.Event()
        self._silent_since: dict[int, float] = {}

    def notify(self, provider_batch_id: str) -> None:
        """Ask after this batch at once, if it is one of ours."""
        for submission in self._notes.submissions.values():
            if submission.provider_batch_id == provider_batch_id:
                self._due[submission.number] = _Due(0.0)
                self._woken.set()

    async def run(self, owner: Owner) -> None:
        """Until every item has ended."""
        await self._void_what_was_not_sent()
        while True:
            if self._rest_due is not None and self._rest_due <= self._now:
                await self._submit_rest(owner)
            if not self._notes.submissions and self._rest_due is None:
                return
            await self._until_something_is_due()
            for submission in self._ready():
                await self._go_on(submission)

    async def stop(self) -> None:
        """Until no provider has anything of it, or none that could be asked: what a provider has told nothing
        of for a day is given up."""
        self._rest_due = None
        await self._void_what_was_not_sent()
        for submission in list(self._notes.submissions.values()):
            if submission.provider not in self._tools.provider_batches:
                await self._results.void(submission)
                await self._drop(submission)
        cancelled: set[int] = set()
        while self._notes.submissions:
            for submission in self._ready():
                if submission.state == "running" and submission.number not in cancelled:
                    await self._cancel(submission)
                    cancelled.add(submission.number)
                await self._go_on(submission, is_stopping=True)
                if self._is_silent(submission):
                    self._tell("a provider's batch was given up", submission)
                    await self._results.void(submission)
                    await self._drop(submission)
            if self._notes.submissions:
                await self._until_something_is_due()

    # Handing over

    async def _submit_rest(self, owner: Owner) -> None:
        """Hand over what is in no submission yet, until something holds that up."""
        after = -1
        while window := await self._window(after):
            after = window[-1].index
            for target, items in (await self._by_target(window)).values():
                hold_up_seconds = await self._submit(target, items, owner.principal)
                if hold_up_seconds is not None:
                    self._rest_due = self._now + hold_up_seconds
                    return
        self._rest_due = None

    async def _window(self, after: int) -> list[PendingItem]:
        """The next items that are in no submission, as many as may go at once."""
        taken = self._notes.indexes
        window: list[PendingItem] = []
        size = 0
        while size < MAX_BYTES and len(window) < MAX_ITEMS:
            page = await self._tools.store.pending(self._batch.id, after=after, limit=_PAGE_ITEMS)
            if not page:
                break
            after = page[-1].index
            for item in page:
                if item.index not in taken:
                    window.append(item)
                    size += len(item.body)
        return window

    async def _by_target(
        self, window: Sequence[PendingItem]
    ) -> dict[str, tuple[Target, list[RunnableItem]]]:
        found: dict[str, tuple[Target, list[RunnableItem]]] = {}
        unfit: list[ItemEnd] = []
        for at, pending in enumerate(window):
            if at % _ITEMS_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)  # live traffic has its turn
            try:
                item = runnable(self._batch, pending)
                target = self._tools.target(item.request)
            except ServiceError as error:
                unfit.append(failed(pending.index, error, request_id=self._batch.request_id))
                continue
            found.setdefault(target.name, (target, []))[1].append(item)
        await self._end(unfit)
        return found

    async def _submit(
        self, target: Target, items: list[RunnableItem], principal: Principal
    ) -> float | None:
        """Hand over what the owner's budgets bear; in how many seconds to go on, None for at once."""
        submission = Submission(
            number=self._notes.next_number,
            provider=target.provider.name,
            model=target.model,
            label=target.label,
            sanitize=principal.sanitize,
            spans=spans_of(item.index for item in items),
            state="opening",
            opened_at=self._tools.clock.now(),
        )
        self._notes.next_number += 1
        await self._note(submission)
        requests = await self._encoded(submission, items)
        held, shortage = await self._open_rows([item for item, _ in requests], target, principal)
        is_taken = True
        if held:
            submission = replace(submission, spans=spans_of(held))
            lines = [line for item, line in requests if item.index in held]
            is_taken = await self._send(submission, lines)
        else:
            await self._drop(submission)
        if shortage is not None:
            await self._hold_up(f"{shortage.type}: {shortage.message}")
            return _BUDGET_WAIT_SECONDS
        return None if is_taken else self._tools.waits.cap_seconds

    async def _open_rows(
        self, items: Sequence[RunnableItem], target: Target, principal: Principal
    ) -> tuple[set[int], BudgetExceeded | None]:
        """The items whose rows are open now, up to the first that a budget does not bear."""
        held: dict[int, str] = {}
        shortage: BudgetExceeded | None = None
        for start in range(0, len(items), _OPENED_AT_ONCE):
            chunk = items[start : start + _OPENED_AT_ONCE]
            opened = await asyncio.gather(
                *(self._tools.bills.open(self._batch, item, target, principal) for item in chunk),
                return_exceptions=True,
            )
            for item, problem in zip(chunk, opened, strict=True):
                if problem is None:
                    held[item.index] = item.record_id
                elif isinstance(problem, BudgetExceeded):
                    shortage = problem
                elif isinstance(problem, InvalidRequest):
                    await self._end(
                        [failed(item.index, problem, request_id=self._batch.request_id)]
                    )
                else:
                    raise problem
            if shortage is not None:
                break
        await self._tools.bills.keep_open(list(held.values()))
        return set(held), shortage

    async def _encoded(
        self, submission: Submission, items: Iterable[RunnableItem]
    ) -> list[tuple[RunnableItem, bytes]]:
        """The items as the provider takes them; what cannot be said in its dialect has failed."""
        api = self._api(submission)
        tag = tag_of(self._batch.id, submission)
        requests: list[tuple[RunnableItem, bytes]] = []
        unfit: list[ItemEnd] = []
        for at, item in enumerate(items):
            if at % _ITEMS_BETWEEN_TURNS == 0:
                await asyncio.sleep(0)  # live traffic has its turn
            try:
                call = self._tools.call(item, submission)
                requests.append((item, api.encode(custom_id(tag, item.index), call)))
            except ProviderFailure as failure:
                error = error_of([failure])
                unfit.append(failed(item.index, error, request_id=self._batch.request_id))
        await self._end(unfit)
        return requests

    async def _send(self, submission: Submission, requests: Sequence[bytes]) -> bool:
        """Whether it was surely taken in; that is noted, or else asked for the next time."""
        submission = replace(submission, state="sending", sent_at=self._tools.clock.now())
        await self._note(submission)
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                provider_batch_id = await self._api(submission).submit(
                    requests, tag=tag_of(self._batch.id, submission)
                )
        except (ProviderFailure, TimeoutError) as problem:
            await self._was_not_sent(submission, problem)
            return False
        await self._runs(submission, provider_batch_id)
        return True

    async def _was_not_sent(self, submission: Submission, problem: Exception) -> None:
        """What the provider refuses has failed; all else is tried again, for as long as the batch lives."""
        self._tell("a provider has not taken a batch", submission, problem=problem)
        if isinstance(problem, ProviderFailure) and problem.kind is FailureKind.REJECTED:
            await self._results.fail_all(submission, problem)
            await self._drop(submission)
            return
        self._wait_longer(submission, at_least_seconds=_ARRIVAL_SECONDS)
        if isinstance(problem, ProviderFailure) and problem.kind is FailureKind.MISCONFIGURED:
            await self._hold_up(f"provider_error: {submission.provider} does not take the batch")

    async def _runs(self, submission: Submission, provider_batch_id: str) -> None:
        submission = replace(submission, state="running", provider_batch_id=provider_batch_id)
        await self._note(submission)
        self._due.pop(submission.number, None)  # waits begin anew
        self._wait_longer(submission)
        self._tell("a provider has taken a batch", submission)
        if self._is_held_up:
            self._is_held_up = False
            await self._tools.store.set_status(
                self._batch.id, "running", reason=None, now=self._tools.clock.now()
            )

    # Waiting and fetching

    async def _go_on(self, submission: Submission, *, is_stopping: bool = False) -> None:
        try:
            if submission.state == "sending":
                await self._look_for(submission, is_stopping=is_stopping)
            else:
                await self._poll(submission, is_stopping=is_stopping)
        except (ProviderFailure, TimeoutError) as problem:
            self._tell("a provider does not tell of a batch", submission, problem=problem)
            self._silent_since.setdefault(submission.number, self._now)
            self._wait_longer(submission)
        else:
            self._silent_since.pop(submission.number, None)

    def _is_silent(self, submission: Submission) -> bool:
        since = self._silent_since.get(submission.number, self._now)
        return self._now - since >= _LONGEST_SILENCE_SECONDS

    async def _look_for(self, submission: Submission, *, is_stopping: bool) -> None:
        """Perhaps it was sent: only what surely was not is sent again."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                found = await self._api(submission).find(
                    tag_of(self._batch.id, submission),
                    request_count=submission.size,
                    since=submission.opened_at,
                )
        except NotYetKnown:
            self._wait_longer(submission)
            return
        if found is not None:
            await self._runs(submission, found)
        elif is_stopping:
            await self._results.void(submission)
            await self._drop(submission)
        else:
            items = await self._items(submission)
            requests = await self._encoded(submission, items)
            submission = replace(submission, spans=spans_of(item.index for item, _ in requests))
            await self._send(submission, [line for _, line in requests])

    async def _poll(self, submission: Submission, *, is_stopping: bool) -> None:
        provider_batch_id = submission.provider_batch_id or ""
        async with asyncio.timeout(_ASK_SECONDS):
            state = await self._api(submission).poll(provider_batch_id)
        if not state.has_ended:
            self._wait_longer(submission)
            return
        if state.refusal is not None:
            await self._was_refused(submission, state.refusal)
            return
        async with asyncio.timeout(_FETCH_SECONDS):
            answers = self._api(submission).results(provider_batch_id)
            goes_again = await self._results.fetch(
                submission, answers, rest_not_run=state.rest_not_run, is_stopping=is_stopping
            )
        self._tell("a provider's batch has ended", submission)
        await self._drop(submission)
        if goes_again:
            self._rest_due = self._now + self._tools.waits.first_seconds

    async def _was_refused(self, submission: Submission, refusal: ProviderFailure) -> None:
        """None of it was run; where that passes with time, it goes again later, with others or alone."""
        self._tell("a provider has refused a batch", submission, problem=refusal)
        if refusal.kind is FailureKind.RATE_LIMITED:
            await self._results.void(submission)
            self._rest_due = self._now + self._tools.waits.cap_seconds
        else:
            await self._results.fail_all(submission, refusal)
        await self._drop(submission)

    async def _cancel(self, submission: Submission) -> None:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await self._api(submission).cancel(submission.provider_batch_id or "")
        except (ProviderFailure, TimeoutError) as problem:  # it may have ended by itself
            self._tell("a provider's batch was not cancelled", submission, problem=problem)

    async def _void_what_was_not_sent(self) -> None:
        """What a death has left between its rows and its sending begins anew."""
        for submission in list(self._notes.submissions.values()):
            if submission.state == "opening":
                await self._results.void(submission)
                await self._drop(submission)

    # Small change

    @property
    def _now(self) -> float:
        return self._tools.clock.monotonic()

    def _api(self, submission: Submission) -> ProviderBatches:
        """Raises `ProviderFailure` for a provider that is no longer configured: it may be so again."""
        api = self._tools.provider_batches.get(submission.provider)
        if api is None:
            raise ProviderFailure(FailureKind.MISCONFIGURED, "The provider is not configured")
        return api

    async def _items(self, submission: Submission) -> list[RunnableItem]:
        items: list[RunnableItem] = []
        async for found in pending_items(self._tools.store, self._batch.id, submission.indexes):
            items += [runnable(self._batch, item) for item in found]
        return items

    async def _note(self, submission: Submission) -> None:
        self._notes.submissions[submission.number] = submission
        await self._tools.store.note_provider_batches(self._batch.id, self._notes.to_json())

    async def _drop(self, submission: Submission) -> None:
        self._notes.submissions.pop(submission.number, None)
        self._due.pop(submission.number, None)
        await self._tools.store.note_provider_batches(self._batch.id, self._notes.to_json())

    async def _end(self, ends: Sequence[ItemEnd]) -> None:
        if ends:
            await self._tools.store.end_items(self._batch.id, ends)

    async def _hold_up(self, reason: str) -> None:
        self._is_held_up = True
        await self._tools.store.set_status(
            self._batch.id, "paused", reason=reason, now=self._tools.clock.now()
        )

    def _first_look(self, submission: Submission) -> _Due:
        """At once, unless it may be on its way still."""
        if submission.sent_at is None or submission.state == "running":
            return _Due(self._now)
        on_its_way = (self._tools.clock.now() - submission.sent_at).total_seconds()
        return _Due(self._now + max(_ARRIVAL_SECONDS - on_its_way, 0.0))

    def _wait_longer(self, submission: Submission, *, at_least_seconds: float = 0.0) -> None:
        due = self._due.get(submission.number)
        wait = self._tools.waits.after(due.waited_seconds if due else None)
        self._due[submission.number] = _Due(self._now + max(wait, at_least_seconds), wait)

    def _ready(self) -> list[Submission]:
        return [
            submission
            for submission in self._notes.submissions.values()
            if self._due[submission.number].at <= self._now
        ]

    async def _until_something_is_due(self) -> None:
        dues = [self._due[number].at for number in self._notes.submissions]
        if self._rest_due is not None:
            dues.append(self._rest_due)
        seconds = min(dues) - self._now
        if seconds > 0:
            await _first_of(self._tools.clock, seconds, self._woken)
        self._woken.clear()

    def _tell(
        self, event: str, submission: Submission, *, problem: Exception | None = None
    ) -> None:
        """A provider's own words may hold content: they are not logged."""
        log.info(
            event,
            batch=self._batch.id,
            provider=submission.provider,
            model=submission.model,
            provider_batch_id=submission.provider_batch_id,
            items=submission.size,
            failure=problem.kind if isinstance(problem, ProviderFailure) else _name_of(problem),
        )


def _name_of(problem: Exception | None) -> str | None:
    return None if problem is None else type(problem).__name__


async def _first_of(clock: Clock, seconds: float, event: asyncio.Event) -> None:
    """Return after `seconds`, or when `event` is set."""
    loop = asyncio.get_running_loop()
    waits = [loop.create_task(clock.sleep(seconds)), loop.create_task(event.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
