"""Answers over HTTP: a REST interface and a page with a map, over one gallery."""
