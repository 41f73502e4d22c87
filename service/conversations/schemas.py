"""The bodies of conversations. Docstrings and descriptions are the API's documentation."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypeAliasType

from service.core.messages import ImageUrl, Message, Part, TextPart
from service.generation.ports import Conversation, KeptMessage, MessageStatus
from service.generation.schemas import AssistantToolCall, tool_calls_of
from service.web.schemas import PLAIN_TEXT, Metadata, RequestModel, ResponseModel, Usage

MESSAGE_ID_PATTERN = r"^msg_[0-9A-Za-z]{1,64}$"


class CreateConversationRequest(RequestModel):
    """How a conversation begins."""

    system: Annotated[str, StringConstraints(min_length=1, pattern=PLAIN_TEXT)] | None = Field(
        None,
        description="Instructions that stand above every turn.",
        examples=["You are a helpful assistant."],
    )
    metadata: Metadata | None = Field(
        None, description="Up to 16 tags, kept with the conversation.", examples=[{"user": "u-1"}]
    )


class ForkConversationRequest(RequestModel):
    """Where the fork leaves the conversation."""

    at_message_id: Annotated[str, StringConstraints(pattern=MESSAGE_ID_PATTERN)] | None = Field(
        None, description="The last message that the fork has too; absent: the last there is."
    )


class ConversationResponse(ResponseModel):
    """A conversation, without its messages."""

    id: str = Field(description="What `chat` takes as `conversation_id`.")
    system: str | None = Field(
        None, description="Instructions that stand above every turn; null: none."
    )
    metadata: dict[str, str] = Field(description="The tags that it was created with.")
    forked_from: str | None = Field(
        None, description="The conversation that it is a fork of; null: of none."
    )
    message_count: int = Field(description="How many messages it has.")
    size_bytes: int = Field(
        description="How large it is, at 512 bytes a message and its JSON text; what the server allows is in"
        " the error that refuses a further turn."
    )
    usage: Usage = Field(
        description="The tokens of all its turns, failed ones and summaries too. A fork begins at 0."
    )
    cost_usd: float = Field(
        description="What they cost in US dollars, as far as prices are known.", examples=[0.0012]
    )
    created_at: datetime = Field(description="When it was created.")
    updated_at: datetime = Field(description="When it got its last message.")

    @classmethod
    def of(cls, conversation: Conversation) -> "ConversationResponse":
        """As the API shows it."""
        return cls(**_fields(conversation))


class ConversationListResponse(ResponseModel):
    """A page of conversations, the newest first."""

    data: list[ConversationResponse] = Field(description="The conversations.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class KeptText(ResponseModel):
    """A piece of text."""

    type: Literal["text"] = Field("text", description="Says that this is text.")
    text: str = Field(description="The text.")


class KeptImageUrl(ResponseModel):
    """An image elsewhere."""

    type: Literal["url"] = Field("url", description="Says that the image is elsewhere.")
    url: str = Field(description="Where it is.")


class KeptImageData(ResponseModel):
    """An image as it was sent."""

    type: Literal["base64"] = Field("base64", description="Says that the image is here.")
    media_type: str = Field(description="The image's format.")
    data: str = Field(description="Base64.")


KeptImageSource = TypeAliasType(
    "KeptImageSource",
    Annotated[
        KeptImageUrl | KeptImageData,
        Field(discriminator="type", description="Where an image is."),
    ],
)


class KeptImage(ResponseModel):
    """An image."""

    type: Literal["image"] = Field("image", description="Says that this is an image.")
    source: KeptImageSource = Field(description="Where the image is.")


KeptContentPart = TypeAliasType(
    "KeptContentPart",
    Annotated[
        KeptText | KeptImage,
        Field(discriminator="type", description="A part of a kept message."),
    ],
)


def _is_none(value: object) -> bool:
    return value is None


class MessageResponse(ResponseModel):
    """A message of a conversation: role, content and the rest in the shapes that `chat` takes."""

    id: str = Field(description="What a fork takes as `at_message_id`.")
    role: Literal["user", "assistant", "tool"] = Field(description="Who speaks.")
    content: str | list[KeptContentPart] | None = Field(
        None, description="Text, or parts of text and images; null if there are only tool calls."
    )
    tool_calls: list[AssistantToolCall] | None = Field(
        None, exclude_if=_is_none, description="The functions that the model asks for."
    )
    tool_call_id: str | None = Field(
        None, exclude_if=_is_none, description="The call that this answers."
    )
    provider_data: dict[str, Any] | None = Field(
        None,
        exclude_if=_is_none,
        description="What the vendor wants back with the next turn. Opaque.",
    )
    status: MessageStatus = Field(
        description="`interrupted`: as much of an answer as was delivered before the stream broke or was"
        " left. It goes to the model as its text."
    )
    answer_id: str | None = Field(
        None, exclude_if=_is_none, description="An answer's own id, and that of its usage row."
    )
    created_at: datetime = Field(description="When it was said.")

    @classmethod
    def of(cls, kept: KeptMessage) -> "MessageResponse":
        """As the API shows it."""
        message = kept.message
        assert message.role != "system", "no system message is kept"  # noqa: S101 - for the type checker
        return cls(
            id=kept.id,
            role=message.role,
            content=_content(message),
            tool_calls=tool_calls_of(message.tool_calls),
            tool_call_id=message.tool_call_id,
            provider_data=message.provider_data,
            status=kept.status,
            answer_id=kept.answer_id,
            created_at=kept.created_at,
        )


class MessageListResponse(ResponseModel):
    """A page of messages, the oldest first."""

    data: list[MessageResponse] = Field(description="The messages, in order.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class ConversationExportResponse(ConversationResponse):
    """Everything that is kept of a conversation."""

    messages: list[MessageResponse] = Field(description="All of its messages, in order.")

    @classmethod
    def of_all(
        cls, conversation: Conversation, messages: list[KeptMessage]
    ) -> "ConversationExportResponse":
        """As the API shows it."""
        return cls(
            **_fields(conversation), messages=[MessageResponse.of(each) for each in messages]
        )


def _fields(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "system": conversation.system,
        "metadata": conversation.metadata,
        "forked_from": conversation.forked_from,
        "message_count": conversation.message_count,
        "size_bytes": conversation.size_bytes,
        "usage": Usage.of(conversation.usage),
        "cost_usd": float(conversation.cost_usd),
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
    }


def _content(message: Message) -> str | list[KeptText | KeptImage] | None:
    if message.content is None or isinstance(message.content, str):
        return message.content
    return [_part(part) for part in message.content]


def _part(part: Part) -> KeptText | KeptImage:
    if isinstance(part, TextPart):
        return KeptText(text=part.text)
    if isinstance(part, ImageUrl):
        return KeptImage(source=KeptImageUrl(url=part.url))
    return KeptImage(source=KeptImageData(media_type=part.media_type, data=part.data))
