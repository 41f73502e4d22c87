"""The package as users install it."""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.generate_python_sdk import TOOLS
from tests.running import ADMIN_KEY, RunningService

SDK = Path("sdks/python")
SAMPLE = Path(__file__).parent / "typed_sample.py"
IMPORT_CPU_SECONDS = (
    "import time; b = time.process_time(); import ai_service_sdk; print(time.process_time() - b)"
)


def run(*command: str | Path, environment: Mapping[str, str] | None = None) -> str:
    """Run it, and return what it printed; what failed is in the assertion."""
    done = subprocess.run(
        command,
        env=dict(os.environ) | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist").absolute()
    build = (Path(sys.executable).absolute(), "-m", "hatchling", "build", "-d", folder)
    subprocess.run(build, cwd=SDK, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def python(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a clean environment that the wheel is installed into."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=True)
    (wheel,) = dist.glob("*.whl")
    pip = (folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", wheel)
    return folder / "bin" / "python"


def test_what_is_uploaded_passes_the_index_s_checks(dist: Path) -> None:
    assert "PASSED" in run(TOOLS / "twine", "check", "--strict", *dist.iterdir())


def test_the_wheel_works_in_a_clean_environment(python: Path, service: RunningService) -> None:
    environment = {"AI_SERVICE_API_KEY": ADMIN_KEY, "AI_SERVICE_BASE_URL": service.url}
    said = run(python, "-I", SAMPLE, environment=environment)
    assert said == f"Echo: Hello from {python.parent}"


def test_the_wheel_needs_nothing_but_its_http_client(python: Path) -> None:
    shown = run(python, "-m", "pip", "--disable-pip-version-check", "show", "ai-service-sdk")
    assert "Requires: httpx2\n" in shown


def test_mypy_finds_nothing_in_a_user_s_code(python: Path, tmp_path: Path) -> None:
    mypy = (sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}")
    run(*mypy, "--python-executable", python, SAMPLE, environment={"MYPYPATH": ""})


def test_pyright_finds_nothing_in_a_user_s_code(python: Path, tmp_path: Path) -> None:
    project = tmp_path / "pyrightconfig.json"
    project.write_text('{"typeCheckingMode": "strict"}')
    sample = tmp_path / SAMPLE.name
    sample.write_text(SAMPLE.read_text())
    run(TOOLS / "pyright", "--project", tmp_path, "--pythonpath", python)


def test_importing_it_takes_little(python: Path) -> None:
    """Loosely, as the machine may be busy: it must not grow by another framework."""
    assert min(float(run(python, "-I", "-c", IMPORT_CPU_SECONDS)) for _ in range(3)) < 1
