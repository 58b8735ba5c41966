"""The `feedd` command: one file per subcommand, and a row in `commands` for each."""
