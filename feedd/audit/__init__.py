"""The auditor: holds what a subscriber recorded against the embedded exchange's truth log."""
