"""What a recording holds, for a person to read: `feedd inspect`."""
