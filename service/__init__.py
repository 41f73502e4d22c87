"""AI Service: one self-hosted API in front of Anthropic, OpenAI and compatible model servers."""

__version__ = "0.1.0"
