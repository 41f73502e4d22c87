"""Batches that are kept, and answered whatever happens meanwhile."""
