"""What requests cost: prices, estimates and the ledger."""
