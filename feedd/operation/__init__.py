"""What a person does and sees: start, add, status, logs. Nothing below imports it."""
