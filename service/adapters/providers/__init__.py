"""The vendors' wire dialects behind the `Provider` port.

`anthropic.py` and `openai.py` import their vendor's SDK, which takes a second or two: import them
only where that vendor is configured. Every other module here is free of SDKs. A vendor that speaks
OpenAI's dialect is an `OpenAIProvider` with another name, key and base URL.
"""
