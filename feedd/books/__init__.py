"""Order books: price levels, and the rules that verify a book against its updates. Pure."""
