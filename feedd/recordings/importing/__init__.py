"""Import of exchanges' raw messages and of ticker files as recordings."""
