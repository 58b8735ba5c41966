"""The exchange's limits that all processes of this machine share, kept in files."""
