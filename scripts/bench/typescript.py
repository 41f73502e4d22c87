"""What the TypeScript SDK costs its caller: CPU time against raw `fetch`, and the size of its bundle."""

import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.bench import calls, subjects
from scripts.bench.plan import Cores
from scripts.bench.servers import ROOT

_FOLDER = ROOT / "sdks" / "typescript"
# Where the machine has no Node, the project's own environment has one.
_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def typescript_sdk(cores: Cores) -> str:
    """One sentence; without Node, or what its build needs, the reason why there is none."""
    if shutil.which("node", path=_PATH) is None or not (_FOLDER / "node_modules").exists():
        return "TypeScript SDK: left out, as Node or its packages are not installed."
    print("measuring the TypeScript SDK …", flush=True)
    _output("npm", "run", "--silent", "build")
    bundle = gzip.compress((_FOLDER / "dist" / "index.js").read_bytes())
    with (
        subjects.simulator(calls.SHORT, core=cores.load) as vendor,
        subjects.service(core=cores.measured, vendors=vendor.url) as service,
    ):
        told = json.loads(_output("node", "scripts/bench.mjs", service.url, subjects.KEY))
    return (
        f"TypeScript SDK: a call takes {told['sdk_ms'] / told['raw_ms']:.2f} times the CPU time of raw"
        f" fetch ({told['sdk_ms']:.3f} ms against {told['raw_ms']:.3f} ms);"
        f" {len(bundle):,} bytes gzipped."
    )


def _output(*command: str) -> str:
    done = subprocess.run(
        command,
        cwd=_FOLDER,
        env=os.environ | {"PATH": _PATH},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout
