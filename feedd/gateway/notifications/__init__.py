"""Notifications: a webhook on changes of state, restarts and gaps."""
