"""One file for each service; all are registered as ``whence.collectors``."""
