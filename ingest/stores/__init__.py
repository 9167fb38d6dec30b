"""The stores that ingest writes and the service reads: sealed segments behind an atomic manifest."""
