"""Security, proved: nothing leaks between people and tenants, nothing breaks, and each check has a test."""
