"""What is known: loading, splitting, ingesting and searching a tenant's knowledge."""
