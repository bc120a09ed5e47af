"""Where the truth is kept: SQL on Postgres, one module per noun, always inside a tenant's transaction."""
