"""The SDK in LangChain and LlamaIndex, against the running service."""
