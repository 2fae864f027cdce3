"""The training engine: one job, one loop, four objectives."""
