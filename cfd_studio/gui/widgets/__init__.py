"""Widgets that know Qt and the theme, and nothing of runs."""
