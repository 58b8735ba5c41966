"""Order books: levels, and the rules by which an exchange's messages lead to a whole book. Pure."""
