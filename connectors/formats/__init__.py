"""Readers of file formats: bytes of one file in, documents or table batches out. One module per format.

`connectors.formats.registry` names them all; nothing here is imported before a file of the format is met.
"""
