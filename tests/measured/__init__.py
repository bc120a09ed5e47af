"""What long proofs measure, and the pages that say it: shared by chaos and security."""
