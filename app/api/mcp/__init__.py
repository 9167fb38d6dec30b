"""The Model Context Protocol: the tools that agents call, over HTTP at `/mcp` and over stdio by `answerable mcp`.

tools.py  what each tool does    inputs.py  what it takes and gives    server.py  the SDK's server over them
endpoint.py  `/mcp`              Only server.py and endpoint.py's opening import the SDK (0.7 s, 28 MB).
"""
