"""What may be lost: Redis, or this process's memory, behind one port."""
