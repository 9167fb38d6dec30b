"""Database servers: addresses, sessions, and how their columns are read."""
