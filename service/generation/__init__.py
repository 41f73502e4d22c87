"""Text and chat, whole or streamed: the endpoints that people come for."""
