"""Telling tenants what happens: endpoints, and what is delivered to them."""
