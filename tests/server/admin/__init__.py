"""The admin page in a real browser, area by area."""
