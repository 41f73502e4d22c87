"""How many tokens a text is likely to have, where nobody has counted."""

from service.core.messages import CompletionRequest, Message, TextPart

BYTES_PER_TOKEN = 4
"""English prose has about four bytes a token in the vendors' tokenizers; other scripts have more
bytes a character and more tokens a character, so bytes estimate them better than characters do."""

IMAGE_TOKENS = 1_000
"""What the vendors charge for an image of ordinary size (700 to 1,600)."""


def estimate_tokens(text: str) -> int:
    """The tokens of `text`: its UTF-8 bytes over four, rounded up."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)


def estimate_message_tokens(message: Message) -> int:
    """The tokens of one message: its text, its images and the tools it asks for."""
    tokens = estimate_tokens(message.text)
    tokens += sum(estimate_tokens(call.name + call.arguments) for call in message.tool_calls)
    if isinstance(message.content, tuple):
        images = sum(1 for part in message.content if not isinstance(part, TextPart))
        tokens += IMAGE_TOKENS * images
    return tokens


def estimate_input_tokens(request: CompletionRequest) -> int:
    """The tokens of a whole prompt: its messages, their images, the tools and the answer's schema."""
    tokens = 0
    for message in request.messages:
        tokens += estimate_message_tokens(message)
    for tool in request.tools:
        tokens += estimate_tokens(f"{tool.name}{tool.description or ''}{tool.parameters}")
    if request.json_schema is not None:
        tokens += estimate_tokens(f"{request.json_schema.schema}")
    return tokens
