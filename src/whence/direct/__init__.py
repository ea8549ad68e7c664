"""Answers without a gallery: which class a photo belongs to, or which coordinates, by a model trained beforehand.

Targets say what is asked for (countries, cells, coordinates), estimators how it is found out (support vectors, dense
layers, networks). Both are methods like all others, named in the sections ``[target]`` and ``[estimate]`` of a recipe.
"""
