"""How targets are found out: one file each, registered under ``whence.estimators``."""
