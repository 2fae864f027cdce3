"""What belongs to the user rather than to a run: settings and folders."""
