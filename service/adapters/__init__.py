"""What the ports are made of: vendors, databases, caches. Features never import from here."""
