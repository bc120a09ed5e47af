"""The runtime: this process's turns run, keep their leases, and are taken over when their process dies."""
