"""`feedd top` as an interactive program. Only `app.py` and its widgets import Textual."""
