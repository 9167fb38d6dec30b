"""Execution: validated queries in the table sandbox, and passage search."""
