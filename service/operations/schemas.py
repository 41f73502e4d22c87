"""The bodies of the health checks."""

from typing import Literal

from pydantic import Field

from service.web.schemas import ResponseModel

State = Literal["ready", "degraded", "unavailable"]


class Health(ResponseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class Checks(ResponseModel):
    """What each part says."""

    database: Literal["ok", "unavailable"]
    providers: dict[str, Literal["ok", "degraded", "unavailable"]] = Field(
        description="By provider: `degraded` if some of its models' breakers are open, `unavailable` if"
        " all are."
    )


class Readiness(ResponseModel):
    """Whether work can be taken. `degraded` still takes work."""

    status: State
    checks: Checks
