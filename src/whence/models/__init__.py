"""Learned models: which there are, where their files lie, and how they are run."""
