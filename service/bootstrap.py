"""The composition root: settings in, wired use cases out. The only file that names concrete adapters."""

import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Protocol, cast

from service.access.admin_key import keep_admin_key, make_first_admin_key
from service.access.authentication import Authenticator
from service.access.digests import Digester
from service.access.limits import Limits
from service.access.owners import Owners
from service.access.ports import RateLimiter
from service.access.rotation import RotationReminder
from service.access.senders import SenderSignatures
from service.access.signatures import Signatures
from service.access.upkeep import KeyUpkeep
from service.access.usecases import Keys, Tenants
from service.adapters.cache.memory import MemoryCache
from service.adapters.documents.reader import WorkerReader
from service.adapters.events import LoggedUsageEvents
from service.adapters.jobs.dbos_jobs import DbosJobs
from service.adapters.jobs.executors import OneExecutor
from service.adapters.limits.memory import MemoryLimiter
from service.adapters.outbound.client import OutboundClient
from service.adapters.replays.memory import MemorySeenSignatures
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.batches.durable.governor import Governor
from service.batches.durable.job import BatchJob
from service.batches.durable.retention import BatchRetention
from service.batches.durable.runner import ServiceRunner
from service.batches.durable.usecases import Batches
from service.batches.ports import Mode, Runner
from service.batches.provider.ports import ProviderBatches
from service.batches.provider.runner import ProviderRunner
from service.conversations.usecases import Conversations
from service.core.clock import Clock, SystemClock
from service.core.jobs import Job
from service.core.outbound import Outbound
from service.embeddings.usecases import Embedding
from service.generation.memory import Memory
from service.generation.summaries import Summaries
from service.generation.turns import Turns
from service.generation.usecases import Generation
from service.idempotency.usecases import Idempotency
from service.inference.catalog import Catalog
from service.inference.metering import Metering
from service.inference.pipeline import Pipeline, Timeouts
from service.inference.ports import Provider, ResponseCache
from service.inference.retry import RetryPolicy
from service.inference.routing import Router
from service.inference.sharing import Sharing
from service.inference.traffic import Traffic
from service.models.usecases import Models
from service.observability.metrics import Metrics
from service.operations.draining import Draining
from service.operations.usecases import Operations
from service.prompts.usecases import Prompts
from service.retrieval.answering import Answers
from service.retrieval.ingestion import Ingestion
from service.retrieval.search import Search
from service.retrieval.usecases import Collections
from service.settings import ProviderSettings, Settings
from service.usage.prices import BatchPrices, PriceList, Prices
from service.usage.usecases import Reporting
from service.web.sse import RunningStreams
from service.webhooks.deliverer import Deliverer
from service.webhooks.inbound_usecases import Inbound, InboundUpkeep
from service.webhooks.ports import WebhookStore
from service.webhooks.subscribers import Subscribers
from service.webhooks.usecases import Webhooks

if TYPE_CHECKING:
    from service.adapters.providers.anthropic import AnthropicProvider
    from service.adapters.providers.openai import OpenAIProvider
    from service.adapters.redis.client import RedisClient


@dataclass(frozen=True)
class Parts:
    """What the use cases are wired over."""

    settings: Settings
    providers: Mapping[str, Provider]
    storage: Storage
    cache: ResponseCache | None
    limiter: RateLimiter
    digester: Digester
    authenticator: Authenticator
    rotation_reminder: RotationReminder
    signatures: Signatures | None
    sender_signatures: SenderSignatures | None
    idempotency: Idempotency
    webhook_store: WebhookStore
    subscribers: Subscribers
    outbound: Outbound
    turns: Turns
    reader: WorkerReader
    metrics: Metrics
    clock: Clock


@dataclass(frozen=True)
class Services:
    """What the lifespan hands to the endpoints."""

    parts: Parts
    limits: Limits
    generation: Generation
    conversations: Conversations
    embedding: Embedding
    models: Models
    reporting: Reporting
    inbound: Inbound
    prompts: Prompts
    keys: Keys
    tenants: Tenants
    webhooks: Webhooks
    operations: Operations
    collections: Collections
    search: Search
    answers: Answers
    batches: Batches
    jobs: DbosJobs
    running_streams: RunningStreams
    draining: Draining


class ServicesOpener(Protocol):
    """Opens all that an application works with, for the time of its life."""

    def __call__(
        self, settings: Settings, *, metrics: Metrics
    ) -> AbstractAsyncContextManager[Services]:
        """See `open_services`."""
        ...


@asynccontextmanager
async def open_services(
    settings: Settings, *, metrics: Metrics, clock: Clock | None = None
) -> AsyncIterator[Services]:
    """Everything, wired and started; leaving it stops everything in turn, the ledger last."""
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        await migrate(settings.storage_url)
        subscribers = Subscribers()
        storage = await stack.enter_async_context(
            open_storage(
                settings.storage_url,
                clock=clock,
                events=LoggedUsageEvents(metrics),
                audience=subscribers,
                lease_seconds=settings.lease_seconds,
            )
        )
        secret_key = _secret_key(settings)
        digester = Digester(secret_key)
        if settings.admin_key is not None:
            await keep_admin_key(
                storage.keys, digester, settings.admin_key.get_secret_value(), clock=clock
            )
        upkeep = KeyUpkeep(storage.keys, clock=clock)
        await upkeep.start()
        stack.push_async_callback(upkeep.aclose)
        inbound_upkeep = InboundUpkeep(
            storage.inbound_events,
            clock=clock,
            content_retention_days=settings.content_retention_days,
        )
        await inbound_upkeep.start()
        stack.push_async_callback(inbound_upkeep.aclose)
        redis = await open_redis(settings, clock=clock)
        if redis is not None:
            stack.push_async_callback(redis.aclose)
        idempotency = await stack.enter_async_context(
            _idempotency(settings, storage, secret_key=secret_key, clock=clock)
        )
        outbound = OutboundClient(allowed_hosts=settings.outbound_allowed_hosts)
        stack.push_async_callback(outbound.aclose)
        webhook_store = storage.webhook_store(secret_key)
        deliverer = Deliverer(
            webhook_store,
            subscribers,
            outbound,
            clock=clock,
            random=SystemRandom(),
            metrics=metrics,
            lease_seconds=settings.lease_seconds,
            retention=timedelta(days=settings.content_retention_days),
        )
        await deliverer.start()
        stack.push_async_callback(deliverer.aclose)
        turns = await stack.enter_async_context(
            Turns(
                storage.conversations,
                clock=clock,
                lease_seconds=settings.lease_seconds,
                max_bytes=settings.conversation_max_bytes,
            )
        )
        cache = open_cache(settings, redis, clock=clock)
        if cache is not None:
            stack.push_async_callback(cache.aclose)
        limiter = open_limiter(redis, clock=clock)
        stack.push_async_callback(limiter.aclose)
        providers = open_providers(settings, clock=clock)
        for provider in providers.values():
            stack.push_async_callback(provider.aclose)
        reader = WorkerReader(
            timeout_seconds=settings.document_timeout_seconds,
            max_bytes=settings.document_max_memory_bytes,
        )
        stack.push_async_callback(reader.aclose)
        parts = Parts(
            settings=settings,
            providers=providers,
            storage=storage,
            cache=cache,
            limiter=limiter,
            digester=digester,
            authenticator=Authenticator(storage.keys, digester, clock=clock, upkeep=upkeep),
            rotation_reminder=RotationReminder(clock=clock, metrics=metrics),
            signatures=_signatures(settings, redis, clock=clock),
            sender_signatures=_sender_signatures(settings),
            idempotency=idempotency,
            webhook_store=webhook_store,
            subscribers=subscribers,
            outbound=outbound,
            turns=turns,
            reader=reader,
            metrics=metrics,
            clock=clock,
        )
        services = wire(parts)
        stack.push_async_callback(services.generation.aclose)
        stack.push_async_callback(services.jobs.aclose)
        await services.jobs.start()
        retention = BatchRetention(
            storage.batches, days=settings.content_retention_days, clock=clock
        )
        await retention.start()
        stack.push_async_callback(retention.aclose)
        yield services


async def prepare(settings: Settings, *, clock: Clock | None = None) -> str | None:
    """Migrate, and on the very first start make an admin key; its secret is returned this once."""
    clock = clock or SystemClock()
    await migrate(settings.storage_url)
    if settings.admin_key is not None:
        return None
    storage = open_storage(settings.storage_url, clock=clock)
    try:
        return await make_first_admin_key(
            storage.keys, Digester(_secret_key(settings)), clock=clock
        )
    finally:
        await storage.aclose()


@asynccontextmanager
async def open_reporting(
    settings: Settings, *, clock: Clock | None = None
) -> AsyncIterator[Reporting]:
    """The ledger's reports alone, over a database as it is: whoever only reads changes no schema."""
    clock = clock or SystemClock()
    storage = open_storage(settings.storage_url, clock=clock)
    try:
        yield _reporting(storage, clock=clock)
    finally:
        await storage.aclose()


def wire(parts: Parts) -> Services:
    """The use cases over their parts."""
    settings = parts.settings
    forget = parts.authenticator.forget
    running_streams = RunningStreams()
    draining = Draining(
        running_streams,
        drain_seconds=settings.drain_seconds,
        finish_seconds=settings.shutdown_timeout_seconds,
    )
    prices = PriceList(settings.prices, clock=parts.clock)
    catalog = _catalog(settings, parts.providers)
    _warm(prices, catalog)
    router = _router(parts)
    limits = Limits(parts.limiter, clock=parts.clock)
    pipeline = _pipeline(parts, catalog=catalog, router=router, limits=limits, prices=prices)
    memory = Memory(parts.turns, Summaries(pipeline, model=settings.conversation_summary_model))
    traffic = Traffic(parts.clock)
    generation = Generation(pipeline, memory, traffic=traffic)
    embedding = Embedding(pipeline, traffic=traffic)
    provider_runner = _provider_runner(parts, catalog, prices)
    batch_job = _batch_job(parts, Generation(pipeline, memory), traffic, provider_runner)
    jobs = _jobs(parts, [batch_job, _ingestion(parts, Embedding(pipeline))])
    search = Search(parts.storage.collections, parts.storage.chunks, embedding)
    return Services(
        parts=parts,
        limits=limits,
        generation=generation,
        conversations=Conversations(parts.storage.conversations, clock=parts.clock),
        embedding=embedding,
        models=Models(catalog, prices),
        reporting=_reporting(parts.storage, clock=parts.clock),
        inbound=Inbound(
            parts.storage.inbound_events,
            batches=provider_runner,
            keeps_content=settings.content_logging,
            clock=parts.clock,
        ),
        prompts=Prompts(parts.storage.prompts, clock=parts.clock),
        keys=_keys(settings, parts.storage, parts.digester, parts.clock, forget),
        tenants=Tenants(parts.storage.keys, forget=forget),
        webhooks=Webhooks(
            parts.webhook_store, parts.subscribers, parts.outbound, clock=parts.clock
        ),
        operations=Operations(
            ledger=parts.storage.ledger,
            cache=parts.cache,
            router=router,
            providers=list(parts.providers),
            draining=draining,
        ),
        collections=Collections(parts.storage.collections, jobs, embedding, clock=parts.clock),
        search=search,
        answers=Answers(search, generation),
        batches=Batches(
            parts.storage.batches,
            batch_job,
            jobs,
            clock=parts.clock,
            expiry_seconds=settings.batch_expiry_seconds,
            checks={"provider": provider_runner.check},
        ),
        jobs=jobs,
        running_streams=running_streams,
        draining=draining,
    )


def _batch_job(
    parts: Parts, generation: Generation, traffic: Traffic, provider_runner: ProviderRunner
) -> BatchJob:
    governor = Governor(traffic, places=parts.settings.batch_max_concurrency, clock=parts.clock)
    runners: dict[Mode, Runner] = {
        "service": ServiceRunner(parts.storage.batches, generation, governor, clock=parts.clock),
        "provider": provider_runner,
    }
    owners = Owners(parts.storage.keys, clock=parts.clock)
    return BatchJob(parts.storage.batches, owners, runners, clock=parts.clock)


def _provider_runner(parts: Parts, catalog: Catalog, prices: PriceList) -> ProviderRunner:
    """There is one even where no provider has batches of its own: to end those of one that had."""
    settings = parts.settings
    batch_prices = BatchPrices(prices, settings.batch_price_factors)
    return ProviderRunner(
        store=parts.storage.batches,
        provider_batches=open_provider_batches(settings, parts.providers),
        catalog=catalog,
        prices=batch_prices,
        metering=_metering(parts, batch_prices),
        clock=parts.clock,
        poll_seconds=settings.provider_batch_poll_seconds,
        poll_cap_seconds=settings.provider_batch_poll_cap_seconds,
    )


def _ingestion(parts: Parts, embedding: Embedding) -> Ingestion:
    return Ingestion(
        collections=parts.storage.collections,
        chunks=parts.storage.chunks,
        reader=parts.reader,
        embedding=embedding,
        owners=Owners(parts.storage.keys, clock=parts.clock),
        clock=parts.clock,
    )


def _jobs(parts: Parts, kinds: Sequence[Job]) -> DbosJobs:
    settings = parts.settings
    return DbosJobs(
        kinds,
        database_url=settings.storage_url,
        executors=parts.storage.job_executors if settings.uses_postgres else OneExecutor(),
        clock=parts.clock,
        lease_seconds=settings.lease_seconds,
    )


def _reporting(storage: Storage, *, clock: Clock) -> Reporting:
    return Reporting(storage.ledger, storage.reports, clock=clock)


def _idempotency(
    settings: Settings, storage: Storage, *, secret_key: bytes, clock: Clock
) -> Idempotency:
    return Idempotency(
        storage.idempotency_store(secret_key),
        clock=clock,
        lease_seconds=settings.lease_seconds,
        retention_seconds=settings.idempotency_retention_seconds,
        max_answer_bytes=settings.idempotency_max_answer_bytes,
        plain_wait_seconds=settings.request_timeout_seconds,
        stream_wait_seconds=settings.stream_total_timeout_seconds,
    )


@asynccontextmanager
async def open_keys(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[Keys]:
    """The keys of a migrated database, for the console; no server is needed."""
    clock = clock or SystemClock()
    await migrate(settings.storage_url)
    storage = open_storage(settings.storage_url, clock=clock)
    try:
        # Nothing is remembered in this process: there is nothing to forget.
        yield _keys(settings, storage, Digester(_secret_key(settings)), clock, lambda: None)
    finally:
        await storage.aclose()


def _keys(
    settings: Settings,
    storage: Storage,
    digester: Digester,
    clock: Clock,
    forget: Callable[[], None],
) -> Keys:
    return Keys(
        storage.keys,
        digester,
        clock=clock,
        admin_key_is_configured=settings.admin_key is not None,
        forget=forget,
    )


def _catalog(settings: Settings, providers: Mapping[str, Provider]) -> Catalog:
    rows = settings.configured_providers()
    return Catalog(
        providers=providers,
        models={name: row.models for name, row in rows.items() if row.models},
        aliases=settings.aliases,
        profiles=settings.profiles,
    )


def _warm(prices: PriceList, catalog: Catalog) -> None:
    """Read the price data now, or the first request would wait 0.1 s for it."""
    for alias in catalog.aliases:
        for target in catalog.targets(alias):
            prices.rates(target.provider.name, target.model)


def _router(parts: Parts) -> Router:
    settings = parts.settings
    return Router(
        policy=RetryPolicy(
            max_attempts_per_target=settings.max_attempts,
            max_attempts_per_request=settings.max_attempts_per_request,
            base_seconds=settings.retry_base_seconds,
            cap_seconds=settings.retry_cap_seconds,
        ),
        breaker_failures=settings.breaker_failures,
        breaker_open_seconds=settings.breaker_open_seconds,
        clock=parts.clock,
        random=SystemRandom(),
        metrics=parts.metrics,
    )


def _pipeline(
    parts: Parts, *, catalog: Catalog, router: Router, limits: Limits, prices: PriceList
) -> Pipeline:
    settings = parts.settings
    metering = _metering(parts, prices)
    return Pipeline(
        catalog=catalog,
        router=router,
        limits=limits,
        metering=metering,
        sharing=None if parts.cache is None else Sharing(parts.cache, metering),
        semantic_store=parts.storage.semantic_store(
            clock=parts.clock, ttl_seconds=settings.cache_ttl_seconds
        ),
        timeouts=Timeouts(
            plain=settings.request_timeout_seconds,
            stream_first_token=settings.stream_first_token_timeout_seconds,
            stream_idle=settings.stream_idle_timeout_seconds,
            stream_total=settings.stream_total_timeout_seconds,
        ),
        clock=parts.clock,
    )


def _metering(parts: Parts, prices: Prices) -> Metering:
    return Metering(
        ledger=parts.storage.ledger,
        prices=prices,
        metrics=parts.metrics,
        clock=parts.clock,
        content_logging=parts.settings.content_logging,
    )


async def open_redis(settings: Settings, *, clock: Clock) -> "RedisClient | None":
    """The client that everything kept in Redis shares; None where none is configured."""
    if settings.redis_url is None:
        return None
    from service.adapters.redis.client import RedisClient

    redis = RedisClient(settings.redis_url.get_secret_value(), clock=clock)
    await redis.start()
    return redis


def open_limiter(redis: "RedisClient | None", *, clock: Clock) -> RateLimiter:
    """Counters in Redis where it is configured, else in memory."""
    local = MemoryLimiter(clock=clock)
    if redis is None:
        return local
    from service.adapters.limits.redis import RedisLimiter

    return RedisLimiter(redis, local=local)


def open_cache(
    settings: Settings, redis: "RedisClient | None", *, clock: Clock
) -> ResponseCache | None:
    """Redis where it is configured, else memory; None where the cache is off."""
    if settings.cache_ttl_seconds == 0:
        return None
    if redis is not None:
        from service.adapters.cache.redis import RedisCache

        return RedisCache(redis, ttl_seconds=settings.cache_ttl_seconds)
    return MemoryCache(
        ttl_seconds=settings.cache_ttl_seconds, clock=clock, max_bytes=settings.cache_max_bytes
    )


def _signatures(
    settings: Settings, redis: "RedisClient | None", *, clock: Clock
) -> Signatures | None:
    """The check of signed requests, if there are any; replicas share what they have seen over Redis."""
    if settings.request_signing == "off":
        return None
    if redis is None:
        return Signatures(MemorySeenSignatures(clock=clock), clock=clock)
    from service.adapters.replays.redis import RedisSeenSignatures

    return Signatures(RedisSeenSignatures(redis, clock=clock), clock=clock)


def _sender_signatures(settings: Settings) -> SenderSignatures | None:
    """The check of providers' webhooks, if they have a secret."""
    if settings.webhook_secret is None:
        return None
    return SenderSignatures(settings.webhook_secret.get_secret_value())


def open_providers(settings: Settings, *, clock: Clock) -> dict[str, Provider]:
    """A client for each configured provider."""
    return {
        name: _open_provider(name, row, settings, clock)
        for name, row in settings.configured_providers().items()
    }


def _open_provider(name: str, row: ProviderSettings, settings: Settings, clock: Clock) -> Provider:
    # A vendor's SDK takes a second or two to import: only the configured ones are.
    if row.dialect == "anthropic":
        from service.adapters.providers.anthropic import AnthropicProvider

        return AnthropicProvider(
            name,
            api_key=row.api_key.get_secret_value(),
            base_url=row.base_url,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            clock=clock,
        )
    if row.dialect == "openai":
        from service.adapters.providers.openai import OpenAIProvider

        return OpenAIProvider(
            name,
            api_key=row.api_key.get_secret_value(),
            base_url=row.base_url,
            connect_timeout_seconds=settings.connect_timeout_seconds,
            clock=clock,
        )
    from service.adapters.providers.sandbox import SandboxProvider

    return SandboxProvider(name, clock=clock)


def open_provider_batches(
    settings: Settings, providers: Mapping[str, Provider]
) -> dict[str, ProviderBatches]:
    """The batch APIs of the providers whose dialect has one; they share the providers' connections."""
    found: dict[str, ProviderBatches] = {}
    for name, row in settings.configured_providers().items():
        if row.dialect == "anthropic":
            from service.adapters.providers.anthropic_batches import AnthropicBatches

            found[name] = AnthropicBatches(cast("AnthropicProvider", providers[name]).api)
        elif row.dialect == "openai":
            from service.adapters.providers.openai_batches import OpenAIBatches

            found[name] = OpenAIBatches(cast("OpenAIProvider", providers[name]).api)
    return found


def _secret_key(settings: Settings) -> bytes:
    """The configured secret, or the one in the data directory, made on the first start."""
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value().encode()
    path = settings.data_dir / "secret.key"
    if not path.exists():
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        draft.rename(path)
    return path.read_text().strip().encode()
