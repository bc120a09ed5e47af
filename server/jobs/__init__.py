"""Background jobs: what keeps a desk in order while nobody looks, one job a file; `registry` lists them."""
