"""What every turn stands on: who, where kept, which model, what is secret, what is measured."""
