"""Answerable's service: it turns questions into cited answers from what ingest stored."""
