"""Ports: whether one can be listened on, told before anything is started."""

from __future__ import annotations

import socket

from desk.errors import Misconfigured


def free_port(host: str, port: int) -> int:
    """The port, for 0 one that is free; raises Misconfigured when it cannot be listened on."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Misconfigured(
                f"Cannot listen on {host}:{port} ({error.strerror}). Stop what listens there, or choose"
                f" another port: `--port {port + 1}`, or DESK_PORT={port + 1} in the environment."
            ) from error
        found: int = probe.getsockname()[1]
        return found
