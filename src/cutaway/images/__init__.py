"""What an image is made of: programs with everything that they need, as an archive."""
