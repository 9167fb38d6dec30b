"""Web sites as sources: found by sitemap or links, read within limits, without ever reaching into private networks."""

from connectors.web.connector import WebConnector

__all__ = ["WebConnector"]
