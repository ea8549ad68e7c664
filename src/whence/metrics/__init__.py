"""Figures over plain arrays: recall, errors, calibration, rejection, bootstrap. Nothing here knows of photos.

Single figures are in ``recall``, ``errors``, ``calibration`` and ``classes``, curves in ``curves``;
``resampling.bootstrap`` gives any ``statistics.Statistic`` its interval. ``summary.summarise`` computes all figures of
``outcomes.Outcomes``.
"""
