"""Files to photos: bytes, pixels, EXIF, and the sources (folder, CSV) that name them."""
