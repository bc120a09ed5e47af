"""The nodes of the support graph: one node, one file, one async function."""
