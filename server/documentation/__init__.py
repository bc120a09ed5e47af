"""The written documentation: pages made from the code, and a check of the pages that people write."""
