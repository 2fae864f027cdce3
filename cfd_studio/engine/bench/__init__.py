"""How fast this machine trains and draws: plain against fast, side by side."""
