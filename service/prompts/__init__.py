"""Prompt templates: named, in versions that never change, with labels that move between them."""
