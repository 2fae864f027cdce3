"""The run folder: who writes what, and how it is read back."""
