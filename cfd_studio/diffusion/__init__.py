"""The diffusion and distillation mathematics: pure tensor functions."""
