"""Collecting open photos with positions through the official interfaces of those who publish them."""
