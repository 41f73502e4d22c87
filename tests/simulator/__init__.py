"""A wire simulator: both vendors' real formats over real sockets, with faults on demand.

    with Simulator() as simulator:
        client = AsyncAnthropic(api_key="k", base_url=simulator.anthropic_base_url, max_retries=0)
        simulator.script(overloaded(), Reply(text="Hello"), on="anthropic")

`behaviours` lists what can be scripted, `records.Call` what a test learns of each call,
`tokens` how the simulator counts. From a shell: `python -m tests.simulator --port 9000`.
"""

from tests.simulator.answers import THINKING, example_of
from tests.simulator.batches import Ending, VendorBatch
from tests.simulator.behaviours import (
    Behaviour,
    Cut,
    Hangup,
    InBandError,
    Malformed,
    Reply,
    SlowBytes,
    SplitBytes,
    Stall,
    Status,
    ToolCall,
    Usage,
    Words,
    bad_key,
    bad_request,
    behaviour_from_json,
    out_of_quota,
    overloaded,
    rate_limited,
    retry_after,
    server_error,
    spend_limit,
    unavailable,
    unknown_model,
)
from tests.simulator.control import Simulator
from tests.simulator.openai_embeddings import embedding_of
from tests.simulator.records import Call
from tests.simulator.tokens import count_input_tokens, count_tokens, split_words

__all__ = [
    "THINKING",
    "Behaviour",
    "Call",
    "Cut",
    "Ending",
    "Hangup",
    "InBandError",
    "Malformed",
    "Reply",
    "Simulator",
    "SlowBytes",
    "SplitBytes",
    "Stall",
    "Status",
    "ToolCall",
    "Usage",
    "VendorBatch",
    "Words",
    "bad_key",
    "bad_request",
    "behaviour_from_json",
    "count_input_tokens",
    "count_tokens",
    "embedding_of",
    "example_of",
    "out_of_quota",
    "overloaded",
    "rate_limited",
    "retry_after",
    "server_error",
    "spend_limit",
    "split_words",
    "unavailable",
    "unknown_model",
]
