"""The way of a request: from a model's name to a metered answer. Start at `pipeline.py`."""
