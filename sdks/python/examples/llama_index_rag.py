"""Questions about a folder of documents with LlamaIndex: answers, and the passages that they rest on.

pip install "./sdks/python[llama-index]"
export AI_SERVICE_API_KEY=…
python sdks/python/examples/llama_index_rag.py ./knowledge_base "What is our refund policy?"
"""

import sys
from dataclasses import dataclass

from llama_index.core import SimpleDirectoryReader, VectorStoreIndex
from llama_index.core.node_parser import SentenceSplitter

from ai_service_sdk.llama_index import AIServiceEmbedding, AIServiceLLM

CHUNK_TOKENS = 512
QUOTED_CHARACTERS = 200


@dataclass(frozen=True)
class Source:
    """A passage that an answer rests on."""

    text: str
    """Its beginning."""
    score: float
    """How near it is to the question; 1 is the nearest."""


@dataclass(frozen=True)
class Answer:
    text: str
    sources: list[Source]


class KnowledgeBase:
    """The documents of a folder, to be asked about."""

    def __init__(self, folder: str, *, llm: AIServiceLLM, embedding: AIServiceEmbedding) -> None:
        index = VectorStoreIndex.from_documents(
            SimpleDirectoryReader(folder).load_data(),
            embed_model=embedding,
            transformations=[SentenceSplitter(chunk_size=CHUNK_TOKENS)],
        )
        self._engine = index.as_query_engine(llm=llm, similarity_top_k=3)

    def query(self, question: str) -> Answer:
        """The answer from the three nearest passages. Raises an `AIServiceError`."""
        response = self._engine.query(question)
        return Answer(
            text=str(response),
            sources=[
                Source(node.node.get_content()[:QUOTED_CHARACTERS], node.score or 0)
                for node in response.source_nodes
            ],
        )


def main() -> None:
    folder, question = sys.argv[1:]
    base = KnowledgeBase(folder, llm=AIServiceLLM(model="haiku"), embedding=AIServiceEmbedding())
    answer = base.query(question)
    print(answer.text)
    for source in answer.sources:
        print(f"\n[{source.score:.2f}] {source.text}")


if __name__ == "__main__":
    main()
