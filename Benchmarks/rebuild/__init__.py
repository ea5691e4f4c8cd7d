"""Parts of `rebuild.py`."""
