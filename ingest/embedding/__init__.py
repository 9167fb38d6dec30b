"""Sentence embedding: finding a model, exporting it once, running the export."""
