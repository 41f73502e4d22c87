"""Webhooks: what providers report, and what tenants are told."""
