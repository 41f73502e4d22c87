"""`python -m scripts.bench [--quick] [--peers] [--write] [--no-pin]`."""

import argparse
import os
import shutil
import sys
from time import perf_counter

from scripts.bench import report
from scripts.bench.load import WrongAnswer
from scripts.bench.peers import install_litellm
from scripts.bench.plan import FULL, QUICK, Cores
from scripts.bench.run import measure
from scripts.bench.typescript import typescript_sdk

_ANYWHERE = Cores(measured=None, load=None)


def main() -> None:
    options = _options()
    litellm_command = install_litellm() if options.peers else None
    load_before, began = os.getloadavg()[0], perf_counter()
    cores = Cores() if options.pin else _ANYWHERE
    try:
        sdk = typescript_sdk(cores)
        results = measure(
            QUICK if options.quick else FULL,
            cores,
            litellm_command=litellm_command,
        )
    except (WrongAnswer, ConnectionError) as wrong:
        sys.exit(f"Not measured, as the servers did not do what was asked: {wrong}")
    text = report.markdown(results, load_before=load_before)
    print(f"done in {perf_counter() - began:.0f} s\n\n{text}\n\n{sdk}")
    if options.write:
        report.write_readme(text)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench", description="What the service costs, as ratios."
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    parser.add_argument("--peers", action="store_true", help="LiteLLM's proxy beside it")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    parser.add_argument(
        "--no-pin", dest="pin", action="store_false", help="leave cores to the kernel"
    )
    options = parser.parse_args()
    if options.pin and (shutil.which("taskset") is None or (os.cpu_count() or 1) < 2):
        parser.error("pinning needs taskset and two cores; use --no-pin")
    return options


if __name__ == "__main__":
    main()
