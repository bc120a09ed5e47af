"""Personal values in text that is typed in haste: a linear model tells them by the words around."""
