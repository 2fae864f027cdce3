"""Images: where they come from, how they become bytes of one size, and the batches drawn from them."""
