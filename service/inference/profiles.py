"""What a model takes and gives, as data. No code asks which vendor it talks to."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Ability = Literal["generate", "embed"]


class ModelProfile(BaseModel):
    """The abilities and limits of one model, or of all that share a name pattern.

    `overhead_tokens` is what a vendor adds around a prompt, `tool_overhead_tokens` what it adds for tools
    or a schema, `max_image_tokens` the most that it charges for an image; all three bound what a call may
    cost before it is made. `reasoning_control` says how the model is told to think: `effort` (OpenAI's
    `reasoning_effort`), `adaptive` (Anthropic's adaptive thinking with an effort) or not at all; a model
    that `always_reasons` cannot be told to leave it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    abilities: tuple[Ability, ...] = ("generate",)
    takes_temperature: bool = True
    takes_top_p: bool = True
    takes_stop: bool = True
    takes_tools: bool = True
    takes_images: bool = True
    takes_json_schema: bool = True
    reasoning_control: Literal["effort", "adaptive"] | None = None
    always_reasons: bool = False
    max_output_tokens: int | None = Field(default=None, gt=0)
    context_tokens: int | None = Field(default=None, gt=0)
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    overhead_tokens: int = Field(default=64, ge=0)
    tool_overhead_tokens: int = Field(default=1_000, ge=0)
    max_image_tokens: int = Field(default=5_000, ge=0)
