"""What the operator's tools ask: is it alive, can it take work, how is it doing."""
