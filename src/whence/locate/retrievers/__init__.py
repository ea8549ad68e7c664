"""Which gallery photos to look at. One method, one file."""
