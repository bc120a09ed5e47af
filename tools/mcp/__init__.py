"""Tools of a tenant's MCP servers: what was approved is offered, and called only while it is still that."""
