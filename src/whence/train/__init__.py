"""Training of networks that describe whole photos. The extra ``torch``.

Nothing here is imported before training is asked for.
"""
