"""A conversation with LangChain: a prompt template, a memory, and what it cost in tokens and dollars.

pip install "./sdks/python[langchain]" langgraph
export AI_SERVICE_API_KEY=…
python sdks/python/examples/langchain_chat.py "What is machine learning?" "Give me an example."
"""

import sys
from typing import Any, NamedTuple

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

from ai_service_sdk.langchain import ChatAIService

PROMPT = ChatPromptTemplate(
    [
        ("system", "You are a helpful assistant. Answer in {language}."),
        MessagesPlaceholder("messages"),
    ]
)


class Reply(NamedTuple):
    """An answer, and what the conversation has used up with it."""

    text: str
    total_tokens: int
    cost_usd: float


class Conversation:
    """A conversation that remembers what was said. The checkpointer keeps one for each `thread_id`."""

    def __init__(self, model: ChatAIService, *, language: str = "English") -> None:
        self._chain = PROMPT.partial(language=language) | model
        graph = StateGraph(MessagesState)
        graph.add_node("model", self._answer)
        graph.add_edge(START, "model")
        self._graph = graph.compile(checkpointer=InMemorySaver())

    def _answer(self, state: MessagesState) -> dict[str, Any]:
        return {"messages": [self._chain.invoke({"messages": state["messages"]})]}

    def chat(self, message: str, *, thread_id: str = "1") -> Reply:
        """Say something. Raises an `AIServiceError`; then the conversation is as it was before."""
        state = self._graph.invoke(
            {"messages": [HumanMessage(message)]}, {"configurable": {"thread_id": thread_id}}
        )
        answers = [each for each in state["messages"] if isinstance(each, AIMessage)]
        return Reply(
            text=answers[-1].text,
            total_tokens=sum(
                usage["total_tokens"] for each in answers if (usage := each.usage_metadata)
            ),
            cost_usd=sum(each.response_metadata["cost_usd"] or 0 for each in answers),
        )


def main() -> None:
    conversation = Conversation(ChatAIService(model="haiku"))
    for message in sys.argv[1:] or ["What is machine learning?", "What did I ask you?"]:
        reply = conversation.chat(message)
        print(f"> {message}\n{reply.text}")
        print(f"({reply.total_tokens} tokens, ${reply.cost_usd:.6f} so far)\n")


if __name__ == "__main__":
    main()
