"""The `feedd` command: one file per subcommand."""
