"""Weights in and out of the formats that others read."""
