"""Handoffs: how a conversation goes to a person and comes back."""
