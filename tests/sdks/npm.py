"""The TypeScript SDK's own commands. `make` installs what they need."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

TYPESCRIPT_SDK = Path("sdks/typescript")
NPM_SECONDS = 240
# Where the machine has no Node, the project's own environment has one.
SEARCH_PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def node_path() -> str:
    """The node that npm runs, too."""
    path = shutil.which("node", path=SEARCH_PATH)
    assert path, "node is not installed: `make tools` installs it"
    return path


def npm_run(script: str) -> None:
    """Run one of the scripts of package.json; what it has to say is in the failure."""
    assert (TYPESCRIPT_SDK / "node_modules").exists(), "nothing is installed: run `make test`"
    done = subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=TYPESCRIPT_SDK,
        env=os.environ | {"PATH": SEARCH_PATH, "PYTHON": sys.executable, "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=NPM_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout
