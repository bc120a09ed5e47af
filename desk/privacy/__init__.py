"""What is personal: finding it, hiding it behind pseudonyms, sealing it; pure, no storage."""
