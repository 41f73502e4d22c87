"""The bodies of prompts, and of what is asked with them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from service.generation.conversation import (
    ChatMessage,
    ResponseFormat,
    ToolChoice,
    ToolDefinition,
)
from service.generation.history import History
from service.generation.options import (
    CONVERSATION_ID_PATTERN,
    DEFAULT_HISTORY_LIMIT,
    Effort,
    HistoryLimit,
    HistoryTokenBudget,
    MaxTokens,
    OptionsByVendor,
    SanitizeText,
    SimilarQuestions,
    Stop,
    SummarizeHistory,
    Tags,
    Temperature,
    TimeoutSeconds,
    TopP,
    UseCache,
)
from service.generation.schemas import ChatRequest, ChatRules, GenerateRequest
from service.observability.redaction import holds_key
from service.prompts import templates
from service.prompts.definitions import (
    MAX_VARIABLES,
    Choice,
    Definition,
    LabelledVersion,
    RenderedPrompt,
    define,
)
from service.prompts.templates import VARIABLE_NAME, VariableType
from service.web.schemas import ModelName, RequestModel, ResponseModel
from service.web.validation import mistake_at

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
MAX_VERSION = 2**31 - 1
_MAX_TEMPLATE_CHARACTERS = 100_000

VersionNumber = Annotated[int, Field(ge=1, le=MAX_VERSION)]
LabelName = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE_NAME)]
TemplateText = Annotated[str, StringConstraints(min_length=1, max_length=_MAX_TEMPLATE_CHARACTERS)]
_VERSION = "The version's number. Absent, and no label: the latest version."
_LABEL = "Instead of a version: the one that has this label."
_OVERRIDES = "Absent: as the prompt has it."


def _is_plain(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError("This must be a text, a number or a boolean")
    return value


VariableValue = Annotated[
    str | bool | int | float,
    BeforeValidator(_is_plain),
    Field(description="A text, a number or a boolean."),
]
OwnModel = Annotated[
    ModelName | None, Field(description=f"An alias or a provider's model id. {_OVERRIDES}")
]
OwnMaxTokens = Annotated[
    MaxTokens | None, Field(description=f"The most tokens that the answer may have. {_OVERRIDES}")
]
OwnTemperature = Annotated[
    Temperature | None, Field(description=f"Higher is more varied. {_OVERRIDES}")
]


ConversationId = Annotated[
    str | None,
    Field(
        pattern=CONVERSATION_ID_PATTERN,
        description="The conversation to go on with: its history goes to the model before what the template"
        " says, and both turns are kept in it once the answer is whole. One turn at a time: another meanwhile"
        " is a 409.",
        examples=["conv_0193a1b2c3d4e5f60718293a4b5c6d7e"],
    ),
]


class PromptDefaults(RequestModel):
    """What requests that are made with the prompt ask for, unless they say otherwise themselves."""

    model: ModelName | None = Field(
        None, description="An alias or a provider's model id. Absent: `haiku`.", examples=["sonnet"]
    )
    max_tokens: MaxTokens | None = Field(
        None, description="The most tokens that an answer may have. Absent: 1024."
    )
    temperature: Temperature | None = Field(
        None, description="Higher is more varied. Absent: 0.7.", examples=[0.2]
    )
    top_p: TopP = None
    stop: Stop = None
    reasoning_effort: Effort = None
    provider_options: OptionsByVendor = None


class PromptVariable(RequestModel):
    """What a field of the template takes."""

    type: VariableType = Field(
        "string", description="What it takes; all but a string is written as JSON."
    )
    default: VariableValue | None = Field(
        None, description="What it is if it is not given. Absent or null: it must be given."
    )
    description: str | None = Field(None, max_length=1000, description="What it is, for people.")

    def to_variable(self) -> templates.Variable:
        """In core words."""
        return templates.Variable(
            type=self.type, default=self.default, description=self.description
        )


class PutPromptRequest(RequestModel):
    """What a version of a prompt says."""

    template: TemplateText = Field(
        description="The prompt. `{name}` is a field, which the variable of this name fills; `{{` and `}}`"
        " stand for braces.",
        examples=["Summarize this in {sentences} sentences:\n\n{text}"],
    )
    system: TemplateText | None = Field(
        None, description="Instructions that stand above it; may have fields, too."
    )
    defaults: PromptDefaults = Field(
        default_factory=PromptDefaults, description="The model and its parameters."
    )
    variables: dict[VariableName, PromptVariable] | None = Field(
        None,
        max_length=MAX_VARIABLES,
        description="What the fields take, by name. Absent: each is a string that must be given.",
    )

    @model_validator(mode="before")
    @classmethod
    def _can_be_kept(cls, body: Any) -> Any:
        for path, text in _texts(body):
            if "\0" in text:  # valid JSON, but PostgreSQL cannot keep it
                raise mistake_at(path, "This holds a NUL character, which cannot be kept")
            if holds_key(text):
                raise mistake_at(path, "This looks like a secret key, which must not be kept")
        return body

    def to_definition(self) -> Definition:
        """In core words. Raises `InvalidRequest` for a template that is none, or does not fit."""
        variables = self.variables
        return define(
            template=self.template,
            system=self.system,
            variables=None
            if variables is None
            else {name: each.to_variable() for name, each in variables.items()},
            defaults=self.defaults.model_dump(exclude_none=True),
        )


def _texts(value: Any, *path: str) -> Iterator[tuple[str, str]]:
    """Every text within a JSON value, names too, each with its dotted path."""
    if isinstance(value, str):
        yield ".".join(path), value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield ".".join(path), name
            yield from _texts(each, *path, name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, *path, str(index))


class PutLabelRequest(RequestModel):
    """Where a label is put."""

    version: VersionNumber = Field(description="The number of the version.", examples=[3])


class RenderPromptRequest(RequestModel):
    """A version, and what its fields are filled with."""

    variables: dict[VariableName, VariableValue] = Field(
        default_factory=dict,
        max_length=MAX_VARIABLES,
        description="What the fields are filled with, by name. Those with a default may be left out.",
        examples=[{"text": "It was a dark and stormy night.", "sentences": 1}],
    )
    version: VersionNumber | None = Field(None, description=_VERSION, examples=[3])
    label: LabelName | None = Field(None, description=_LABEL, examples=["production"])

    @field_validator("label")
    @classmethod
    def _is_instead_of_a_version(cls, label: str | None, info: ValidationInfo) -> str | None:
        if label is not None and info.data.get("version") is not None:
            raise ValueError("Name a version or a label, not both")
        return label

    @property
    def choice(self) -> Choice:
        """Which version is meant."""
        return Choice(version=self.version, label=self.label)

    def _own_options(self) -> dict[str, Any]:
        """What a generate or chat body is told beside what to answer; null is as good as absent."""
        chosen = RenderPromptRequest.model_fields
        return {name: value for name, value in self if value is not None and name not in chosen}


class GenerateWithPromptRequest(RenderPromptRequest):
    """A prompt to answer. What is not said of the model and its parameters is as the prompt has it."""

    model: OwnModel = None
    max_tokens: OwnMaxTokens = None
    temperature: OwnTemperature = None
    top_p: TopP = None
    stop: Stop = None
    conversation_id: ConversationId = None
    cache: UseCache = True
    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None
    reasoning_effort: Effort = None
    provider_options: OptionsByVendor = None
    sanitize: SanitizeText = None
    semantic_cache: SimilarQuestions = None

    def without_template(self, rendered: RenderedPrompt) -> tuple[GenerateRequest, History]:
        """The body that says the same without a template, and what is remembered beside it."""
        options = rendered.defaults | self._own_options()
        conversation_id = options.pop("conversation_id", None)
        body = GenerateRequest.model_validate(
            {"prompt": rendered.prompt, "system": rendered.system, **options}
        )
        return body, History(conversation_id=conversation_id, limit=DEFAULT_HISTORY_LIMIT)


class ChatWithPromptRequest(RenderPromptRequest, ChatRules):
    """A conversation that a prompt begins. What is not said of the model and its parameters is as the
    prompt has it."""

    messages: list[ChatMessage] = Field(
        default_factory=list,
        description="What was said since, oldest first. The rendered messages stand before these, always.",
        examples=[[{"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Why?"}]],
    )
    model: OwnModel = None
    max_tokens: OwnMaxTokens = None
    temperature: OwnTemperature = None
    top_p: TopP = None
    stop: Stop = None
    tools: list[ToolDefinition] | None = Field(
        None, max_length=128, description="The functions that the model may ask for."
    )
    tool_choice: ToolChoice = Field(
        None, description="Whether it may, must not or must ask for one, or for which."
    )
    response_format: ResponseFormat | None = Field(
        None, description="Free text, or JSON that follows a schema."
    )
    conversation_id: ConversationId = None
    history_limit: HistoryLimit = DEFAULT_HISTORY_LIMIT
    history_token_budget: HistoryTokenBudget = None
    summarize_history: SummarizeHistory = False
    cache: UseCache = True
    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None
    reasoning_effort: Effort = None
    provider_options: OptionsByVendor = None
    sanitize: SanitizeText = None
    semantic_cache: SimilarQuestions = None

    def without_template(self, rendered: RenderedPrompt) -> tuple[ChatRequest, History]:
        """The body that says the same without a template, and what is remembered beside it."""
        first = [ChatMessage(role=role, content=text) for role, text in rendered.turns]
        options = rendered.defaults | self._own_options()
        body = ChatRequest.model_validate(options | {"messages": [*first, *self.messages]})
        return body, body.to_history()


class PromptResponse(ResponseModel):
    """One version of a prompt. It never changes, but for its labels."""

    name: str = Field(description="The prompt's name.", examples=["summary"])
    version: int = Field(description="Counts from 1; a number is never used twice.", examples=[3])
    template: str = Field(description="The prompt, with its fields.")
    system: str | None = Field(description="Instructions that stand above it.")
    defaults: PromptDefaults = Field(description="The model and its parameters.")
    variables: dict[str, PromptVariable] = Field(description="What the fields take, by name.")
    labels: dict[str, int] = Field(
        description="All labels of the prompt, each with the version that it is on.",
        examples=[{"production": 2, "staging": 3}],
    )
    key_id: str = Field(description="The key that it was made with.", examples=["key_0193a1b2"])
    created_at: datetime = Field(description="When it was made.")

    @classmethod
    def of(cls, labelled: LabelledVersion) -> "PromptResponse":
        """As the API shows it."""
        version, labels = labelled
        definition = version.definition
        return cls(
            name=version.name,
            version=version.version,
            template=definition.template,
            system=definition.system,
            defaults=PromptDefaults.model_validate(definition.defaults),
            variables={
                name: PromptVariable(type=v.type, default=v.default, description=v.description)
                for name, v in definition.variables.items()
            },
            labels=dict(labels),
            key_id=version.key_id,
            created_at=version.created_at,
        )


class PromptListResponse(ResponseModel):
    """A page of prompts or of versions."""

    data: list[PromptResponse] = Field(description="The versions.")
    next_cursor: str | None = Field(None, description="For the next page. Null: this is the last.")


class RenderedMessage(ResponseModel):
    """A message as the model would get it."""

    role: Literal["system", "user"] = Field(description="Who speaks.")
    content: str = Field(description="The text, filled in.")


class RenderedPromptResponse(ResponseModel):
    """What a prompt says with its variables filled in."""

    name: str = Field(description="The prompt's name.", examples=["summary"])
    version: int = Field(description="Which version it is.", examples=[3])
    messages: list[RenderedMessage] = Field(
        description="The system message, if there is one, and the prompt."
    )

    @classmethod
    def of(cls, rendered: RenderedPrompt) -> "RenderedPromptResponse":
        """As the API shows it."""
        messages = [RenderedMessage(role=role, content=text) for role, text in rendered.turns]
        return cls(name=rendered.name, version=rendered.version, messages=messages)
