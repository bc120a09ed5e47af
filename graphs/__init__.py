"""How a turn flows: the state graph, its nodes, and the one way to run it."""
