"""How mail leaves the desk: one port, a folder of messages and SMTP behind it."""
