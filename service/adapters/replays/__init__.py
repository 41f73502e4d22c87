"""Where signatures are remembered for as long as they could be used again: memory, and Redis for replicas."""
