"""Do two photos show the same thing? Matching, robust geometry, re-ranking."""
