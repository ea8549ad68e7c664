"""How good is it? Recipes run on queries whose positions are known, figures with intervals, a report."""
