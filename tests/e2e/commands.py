"""The console command's smaller subcommands, run beside a service."""

import subprocess
import sys
from pathlib import Path


def run_command(
    data_dir: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """`ai-service …` as a process of its own, over the data of `data_dir`."""
    defaults = {"PATH": "/usr/bin", "AI_SERVICE_DATA_DIR": str(data_dir), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=data_dir,
        env=defaults | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
