"""Positions into photos: metadata spliced into containers, sidecars beside them, a journal to take it back."""
