"""What the files of `deploy/` say, and the image built from them without a container engine."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path("deploy").resolve()
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
CADDYFILE = DEPLOY / "Caddyfile"
SECRETS = ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AI_SERVICE_SECRET_KEY", "AI_SERVICE_ADMIN_KEY")

_INSTALLED = "/opt/ai-service"
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage of the Dockerfile, its `FROM` first."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    instructions = [(line.split()[0], line.partition(" ")[2].strip()) for line in lines if line]
    found: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction[0] == "FROM":
            found.append([])
        if found:
            found[-1].append(instruction)
    return found


def value(name: str) -> str:
    """The argument of the last such instruction: what holds in the image."""
    return [argument for instruction, argument in stages()[-1] if instruction == name][-1]


def start_command() -> list[str]:
    """What a container runs."""
    return [*json.loads(value("ENTRYPOINT")), *json.loads(value("CMD"))]


def health_command() -> list[str]:
    """What a container is asked, to know whether it is well."""
    command: list[str] = json.loads(value("HEALTHCHECK").partition("CMD")[2])
    return command


def image_environment(installed: Path) -> dict[str, str]:
    """The variables of the image, if it had been installed there."""
    return {"PATH": os.environ["PATH"]} | _variables(value("ENV"), installed)


def build_natively(folder: Path) -> Path:
    """Run the first stage in `folder`; returns where it has installed the service.

    The locked dependencies are those of the tests' own environment: they are not downloaded again.
    """
    source, installed = folder / "src", folder / "ai-service"
    source.mkdir()
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    for instruction, argument in stages()[0]:
        if instruction == "COPY":
            *names, _ = argument.split()
            for name in names:
                _copy(name, source)
        elif instruction == "ENV":
            environment |= _variables(argument, installed)
        elif instruction == "RUN" and "--require-hashes" in argument:
            packages = sysconfig.get_path(
                "purelib", vars={"base": str(installed), "platbase": str(installed)}
            )
            (Path(packages) / "locked.pth").write_text(sysconfig.get_path("purelib"))
        elif instruction == "RUN":
            program = argument.replace(_INSTALLED, str(installed))
            subprocess.run(["sh", "-euc", program], cwd=source, env=environment, check=True)
    return installed


def is_ignored(path: str) -> bool:
    """Whether the build is not given this path, by the last pattern that fits."""
    ignored = False
    for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and _fits(path, pattern):
            ignored = not line.startswith("!")
    return ignored


def compose_environment(service: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that compose.yaml gives to a service, with `variables` in `.env`."""

    def replacement(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        if found := variables.get(name):
            return found
        assert operator == "-", f"{name}: {word}"
        return str(word)

    given: dict[str, str] = COMPOSE["services"][service]["environment"]
    return {name: _VARIABLE.sub(replacement, text) for name, text in given.items()}


def _variables(argument: str, installed: Path) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in shlex.split(argument)]
    return {
        name: text.replace(_INSTALLED, str(installed)).replace("$PATH", os.environ["PATH"])
        for name, _, text in pairs
    }


def _copy(name: str, target: Path) -> None:
    assert not is_ignored(name), f"{name} is copied, but not given to the build"
    path = Path(name)
    if path.is_dir():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(path, target / path.name, ignore=ignore)
    else:
        shutil.copy(path, target)


def _fits(path: str, pattern: str) -> bool:
    """Whether a pattern names this path, or a folder above it."""
    if pattern.startswith("**/"):
        return any(fnmatch(part, pattern[3:]) for part in Path(path).parts)
    return any(fnmatch(str(place), pattern) for place in (Path(path), *Path(path).parents))
