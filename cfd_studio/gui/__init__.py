"""The window: a reader of run folders that drops command files."""
