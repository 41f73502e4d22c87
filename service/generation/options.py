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

DEFAULT_HISTORY_LIMIT = 10
CONVERSATION_ID_PATTERN = r"^conv_[0-9A-Za-z]{1,64}$"

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
ConversationId = Annotated[
    str | None,
    Field(
        pattern=CONVERSATION_ID_PATTERN,
        description="The conversation to go on with: its history goes to the model before `messages`, and"
        " both turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a 409."
        " System messages in `messages` follow the conversation's own, for this turn only.",
        examples=["conv_0193a1b2c3d4e5f60718293a4b5c6d7e"],
    ),
]
HistoryLimit = Annotated[
    int,
    Field(
        ge=1,
        le=1000,
        description="Only this many of the last messages go to the model. System messages are kept, and"
        " a tool's result is never cut from its call.",
    ),
]
HistoryTokenBudget = Annotated[
    int | None,
    Field(
        ge=1,
        le=10_000_000,
        description="Of these, only as many of the last as have no more tokens by estimate (a token is four"
        " bytes, an image 1000). The last message always goes; system messages are not counted.",
    ),
]
SummarizeHistory = Annotated[
    bool,
    Field(
        description="Only with `conversation_id`: what falls out of the history goes to the model as a"
        " summary. A small model makes it when more has fallen out, at your cost and within 10 s; if that"
        " fails, the last one is used.",
    ),
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
