"""Features in, figures out."""
