"""Answers as people and programs read them: formats, evidence pages, map sketches."""
