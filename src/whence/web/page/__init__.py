"""The page: a map, answers and their evidence, the gallery, batches."""
