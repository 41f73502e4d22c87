"""`python -m tests.simulator --port 9000 [--behaviour '{"words": {"count": 50}}']`."""

import argparse
import os

import uvicorn

from tests.simulator.app import SimulatorApp
from tests.simulator.behaviours import behaviour_from_json
from tests.simulator.records import Recorder
from tests.simulator.scripts import Scripts
from tests.simulator.server import server_config


def main() -> None:
    """Serve until interrupted; nothing of the requests is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument(
        "--behaviour",
        default=os.environ.get("SIMULATOR_BEHAVIOUR"),
        help="what every call gets, as JSON; a request's x-simulator header goes before it",
    )
    arguments = parser.parse_args()
    default = behaviour_from_json(arguments.behaviour) if arguments.behaviour else None
    app = SimulatorApp(scripts=Scripts(default), recorder=Recorder(keep=False))
    uvicorn.Server(server_config(app, host=arguments.host, port=arguments.port)).run()


if __name__ == "__main__":
    main()
