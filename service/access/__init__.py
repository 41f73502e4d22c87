"""Who may call: keys, what they may do, and the check at the door."""
