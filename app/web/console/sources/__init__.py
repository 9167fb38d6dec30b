"""Pages about the sources: how they are, what is in them, what was ingested, and their description files."""
