"""What the documentation says, done: its commands run, its how-tos followed, its references looked up."""
