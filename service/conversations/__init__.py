"""Conversations that are kept here: chat with memory."""
