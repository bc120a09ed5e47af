"""Which model answers: the catalogue, its providers, and the embeddings."""
