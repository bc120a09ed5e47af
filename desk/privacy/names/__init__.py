"""People's names: which words are known as names, and a small tagger that tells by the words around them."""
