"""The bodies of the health checks."""

from typing import Literal

from pydantic import Field

from service.web.schemas import ResponseModel

State = Literal["ready", "degraded", "unavailable"]
CacheState = Literal["ok", "degraded", "off"]


class Health(ResponseModel):
    """The process answers."""

    status: Literal["ok"] = Field("ok", description="It is alive: there is nothing else to say.")
    version: str = Field(description="The version that runs.")


class Checks(ResponseModel):
    """What each part says."""

    database: Literal["ok", "unavailable"] = Field(description="Whether the ledger can be written.")
    cache: CacheState = Field(
        description="`degraded`: answers are not shared for now, and every request is a call of its own."
    )
    providers: dict[str, Literal["ok", "degraded", "unavailable"]] = Field(
        description="By provider: `degraded` if some of its models' breakers are open, `unavailable` if"
        " all are."
    )


class Readiness(ResponseModel):
    """Whether work can be taken. `degraded` still takes work."""

    status: State = Field(description="`unavailable` takes no work; send it elsewhere.")
    checks: Checks = Field(description="What each part says.")
