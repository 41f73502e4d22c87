"""The SDKs, as their users meet them."""
