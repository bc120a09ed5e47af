"""The demo bookshop: what it sells, what it answers, who ordered what, and its shop API."""
