"""Identity: whose tokens are believed, what they must say, and the accounts, keys and sites of our own."""
