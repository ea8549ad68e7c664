"""Pixels to features to vectors: local features (SIFT) and global descriptors (VLAD)."""
