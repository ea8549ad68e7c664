"""Whether the pins of a gallery's photos are right, and quarantine for photos that others bring."""
