"""Operating the service: traces, keys, logs, metrics and the doctor."""
