"""CFD Studio: train a diffusion teacher and distil it into a few-step student."""

__version__ = "0.1.0"
