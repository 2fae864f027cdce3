"""The typed words that window and engine speak; no I/O."""
