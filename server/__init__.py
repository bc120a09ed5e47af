"""The door: HTTP, WebSocket-ready streams, LangServe and the desk command."""
