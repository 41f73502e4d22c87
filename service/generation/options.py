"""What generate and chat can be told beside what to answer: each option's type, limits and description.

The bodies declare these fields themselves, each in the order in which a caller thinks of them: in the
SDKs it is the order of the arguments, and a base class would put its own fields first.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from service.access.ports import Sanitize
from service.core.messages import ReasoningEffort
from service.web.schemas import Metadata, RequestModel, SemanticCacheBody
from service.web.validation import mistake_at

StopString = Annotated[str, StringConstraints(min_length=1, max_length=500)]

MaxTokens = Annotated[
    int, Field(ge=1, le=1_000_000, description="The most tokens that the answer may have.")
]
Temperature = Annotated[
    float,
    Field(
        ge=0,
        le=2,
        description="Higher is more varied. Left out of the call for models that do not take it.",
    ),
]
TopP = Annotated[
    float | None,
    Field(gt=0, le=1, description="Nucleus sampling. Left out for models that do not take it."),
]
Stop = Annotated[
    list[StopString] | None,
    Field(max_length=4, description="The answer ends before any of these, up to 4."),
]
UseCache = Annotated[
    bool, Field(description="Whether a stored answer may be given, once there is one.")
]
SimilarQuestions = Annotated[
    SemanticCacheBody | None,
    Field(
        description="Lets a question that means nearly the same as an earlier one have its answer"
        " (`cache_hit`): of your tenant, with all else alike, without tools and images. An embedding is paid."
        " Null: as the key has it; `cache: false` leaves it out.",
    ),
]
TimeoutSeconds = Annotated[
    float | None,
    Field(gt=0, le=3600, description="Shortens the server's own deadline; never lengthens it."),
]
Tags = Annotated[Metadata | None, Field(description="Up to 16 tags, kept in the usage row.")]
Effort = Annotated[
    ReasoningEffort | None, Field(description="How much to think, for models that can be told.")
]

_OWN_FIELDS = frozenset(
    {
        "model", "messages", "system", "prompt", "stream", "stream_options", "n",
        "max_tokens", "max_completion_tokens", "api_key", "authorization", "base_url", "headers",
        "extra_headers", "extra_query", "extra_body",
    }
)  # fmt: skip


def _leaves_own_fields_alone(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name.lower() in _OWN_FIELDS:
            raise mistake_at(name, "This field may not be set here")
    return options


VendorOptions = Annotated[dict[str, Any], AfterValidator(_leaves_own_fields_alone)]


class ProviderOptions(RequestModel):
    """Fields that are merged into one vendor's call. They may not change the model, the messages, the
    token limit, streaming or credentials."""

    anthropic: VendorOptions | None = Field(
        None,
        description="For calls in Anthropic's dialect.",
        examples=[{"metadata": {"user_id": "u-1"}}],
    )
    openai: VendorOptions | None = Field(
        None, description="For calls in OpenAI's dialect.", examples=[{"seed": 1}]
    )


OptionsByVendor = Annotated[
    ProviderOptions | None, Field(description="Fields for one vendor's own call, by vendor.")
]
SanitizeText = Annotated[
    Sanitize | None,
    Field(
        description="Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is"
        " harmless and holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are"
        " left alone. Absent: as the key has it.",
    ),
]
