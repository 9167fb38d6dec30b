"""The console: pages for owners and analysts, rendered on the server, each with a plain URL and an export."""
