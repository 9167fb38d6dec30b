"""Ingest builds the stores: it cleans, profiles, chunks, embeds and seals what connectors read."""
