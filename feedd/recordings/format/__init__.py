"""Recording file format: messages as a subscriber received them, in files that detect damage."""
