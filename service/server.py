"""Serving with uvicorn."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import typer
import uvicorn
from fastapi import FastAPI
from uvicorn.supervisors import Multiprocess

from service.app import create_app
from service.bootstrap import Services, ServicesOpener, open_services, prepare
from service.observability import logs
from service.observability.metrics import Metrics
from service.settings import Settings
from service.web.protocol import EnvelopeProtocol

_GC_THRESHOLDS = (20_000, 20, 50)
_LAST_FRAMES_SECONDS = 3.0
_KEEP_ALIVE_SECONDS = 65
"""Longer than the 60 s of common load balancers, so that it is never we who close under a request."""


def serve(settings: Settings) -> None:
    """Migrate, say where the service is, and serve until told to stop."""
    config = uvicorn.Config(
        "service.server:make_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop="uvloop",
        http=EnvelopeProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        ssl_certfile=settings.tls_cert_file,
        ssl_keyfile=settings.tls_key_file,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(settings.shutdown_timeout_seconds + _LAST_FRAMES_SECONDS),
    )
    listener = config.bind_socket()
    _greet(
        "https" if config.is_ssl else "http",
        listener.getsockname(),
        new_admin_key=asyncio.run(prepare(settings)),
    )
    if settings.workers == 1:
        uvicorn.Server(config).run(sockets=[listener])
    else:
        gc.enable()  # this process only watches over those that serve
        Multiprocess(config, sockets=[listener]).run()


def make_app(*, open_services: ServicesOpener = open_services) -> FastAPI:
    """The application of one worker process, which inherits neither settings nor logging."""
    settings = Settings()
    logs.configure(
        level=settings.log_level, log_format=settings.log_format, secrets=settings.secrets()
    )
    return create_app(settings, open_services=_without_collecting(open_services))


def _without_collecting(open_services: ServicesOpener) -> ServicesOpener:
    """Opens the same. The garbage collector waits, and what there is then it never searches.

    What a start makes stays: to search it again and again took a tenth of the start. Later, Python's
    default of 700 has a live heap searched several times a request: a quarter of the CPU of a plain call.
    """
    gc.disable()

    @asynccontextmanager
    async def opened(settings: Settings, *, metrics: Metrics) -> AsyncIterator[Services]:
        async with open_services(settings, metrics=metrics) as services:
            gc.freeze()
            gc.set_threshold(*_GC_THRESHOLDS)
            gc.enable()
            yield services

    return opened


def _greet(scheme: str, address: tuple[str, int], *, new_admin_key: str | None) -> None:
    host, port = address[:2]
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
    typer.echo(f"AI Service   {url}")
    typer.echo(f"Swagger UI   {url}/docs")
    if new_admin_key:
        typer.echo(f"API key      {new_admin_key}")
        typer.echo("             shown this once: keep it (every scope, tenant 'default')")
