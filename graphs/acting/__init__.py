"""Acting: what is offered, confirmed and done in the customer's world, once."""
