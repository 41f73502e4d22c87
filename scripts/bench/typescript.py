"""What the TypeScript SDK costs its caller: CPU time against raw `fetch`, and the size of its bundle."""

import gzip
import json
import os
import shutil
import subprocess

from scripts.bench import calls, subjects
from scripts.bench.plan import Cores
from scripts.bench.servers import ROOT

_FOLDER = ROOT / "sdks" / "typescript"


def typescript_sdk(cores: Cores) -> str:
    """One sentence; without Node, or what its build needs, the reason why there is none."""
    if shutil.which("node") is None or not (_FOLDER / "node_modules").exists():
        return "TypeScript SDK: left out, Node or its packages are not installed."
    subprocess.run(
        ["npm", "run", "--silent", "build"], cwd=_FOLDER, check=True, capture_output=True
    )
    bundle = gzip.compress((_FOLDER / "dist" / "index.js").read_bytes())
    with (
        subjects.simulator(calls.SHORT, core=cores.load) as vendor,
        subjects.service(core=cores.measured, vendors=vendor.url) as service,
    ):
        done = subprocess.run(
            ["node", "scripts/bench.mjs", service.url, subjects.KEY],
            cwd=_FOLDER,
            env=os.environ,
            check=True,
            capture_output=True,
            text=True,
        )
    told = json.loads(done.stdout)
    return (
        f"TypeScript SDK: a call takes {told['sdk_ms'] / told['raw_ms']:.2f} times the CPU time of raw"
        f" fetch ({told['sdk_ms']:.3f} ms against {told['raw_ms']:.3f} ms);"
        f" {len(bundle):,} bytes gzipped."
    )
