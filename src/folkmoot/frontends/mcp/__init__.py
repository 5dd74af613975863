"""The MCP server: panels as tools of coding agents and other clients, with their runs as resources."""
