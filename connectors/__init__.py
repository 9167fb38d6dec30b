"""Connectors bring the outside world in: one module per kind of source.

A connector yields documents and table batches; it knows nothing of how they are stored or asked about.
"""
