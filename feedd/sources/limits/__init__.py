"""What all processes of this machine together may ask of an exchange, kept in files."""
