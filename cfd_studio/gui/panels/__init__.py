"""The parts of the window that know the words of a run; independent of one another."""
