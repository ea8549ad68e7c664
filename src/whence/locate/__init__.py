"""Photos into a gallery, and a photo to a position: where describe, gallery and verify meet."""
