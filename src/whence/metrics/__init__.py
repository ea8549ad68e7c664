"""Figures over plain arrays: recall, errors, calibration, rejection, bootstrap. Nothing here knows of photos."""
