"""The service in front of the simulator, for tests that are not written in Python.

`python -m tests.sdks.simulated_service` prints one line of JSON (`url`, `key`, `control`) and runs until its
standard input is closed. The control address takes:

    POST   /script?on=anthropic    a list of behaviours, as `behaviour_from_json` has them
    GET    /calls                  the calls that reached the simulator; with ?until=arrived, as soon as
                                   there is one; with ?until=ended, as soon as none is in flight
    DELETE /calls                  forgets scripts and calls
"""

import argparse
import json
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Call, Simulator, behaviour_from_json

_UNTIL: dict[str | None, Callable[[Simulator], object]] = {
    None: lambda simulator: True,
    "arrived": lambda simulator: simulator.calls,
    "ended": lambda simulator: simulator.calls and not simulator.in_flight,
}


def control_app(simulator: Simulator) -> Starlette:
    """The simulator's controls over HTTP."""

    async def script(request: Request) -> Response:
        behaviours = [behaviour_from_json(json.dumps(each)) for each in await request.json()]
        simulator.script(*behaviours, on=request.query_params["on"])
        return Response(status_code=204)

    async def calls(request: Request) -> Response:
        await simulator.wait_for(_UNTIL[request.query_params.get("until")])
        return JSONResponse([_told(call) for call in simulator.calls])

    async def reset(request: Request) -> Response:
        simulator.reset()
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/script", script, methods=["POST"]),
            Route("/calls", calls, methods=["GET"]),
            Route("/calls", reset, methods=["DELETE"]),
        ]
    )


def _told(call: Call) -> dict[str, Any]:
    return {
        "server": call.server,
        "body": call.body,
        "finished": call.finished,
        "client_left": call.client_left_at is not None,
    }


def main() -> None:
    """Serve until standard input is closed: whoever has started this may die without a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.sdks.simulated_service")
    parser.add_argument("--cors-origins", default="")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket() as listener,
        Simulator() as simulator,
    ):
        settings = make_settings(
            Path(folder),
            anthropic_api_key="sk-ant-simulated",
            anthropic_base_url=simulator.anthropic_base_url,
            openai_api_key="sk-simulated",
            openai_base_url=simulator.openai_base_url,
            cors_origins=arguments.cors_origins,
            outbound_allowed_hosts=("127.0.0.1:1",),  # nobody listens there
        )
        with RunningService(settings) as service:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(control_app(simulator), log_level="warning", lifespan="off")
            server = uvicorn.Server(config)
            threading.Thread(target=_stop_with_stdin, args=(server,), daemon=True).start()
            control = f"http://127.0.0.1:{listener.getsockname()[1]}"
            told = {"url": service.url, "key": ADMIN_KEY, "control": control}
            sys.stdout.write(f"{json.dumps(told)}\n")
            sys.stdout.flush()
            server.run(sockets=[listener])


def _stop_with_stdin(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
