"""Application-ignorant widgets."""
