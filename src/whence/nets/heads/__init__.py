"""Heads: a feature map to one vector of unit length. One file each, registered under ``whence.heads``."""
