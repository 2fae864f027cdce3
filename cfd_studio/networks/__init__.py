"""Networks that know nothing of diffusion."""
