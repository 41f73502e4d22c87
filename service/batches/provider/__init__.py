"""Batches that providers run themselves."""
