"""What an image is made of: programs with everything that they need, as an archive.

Reading order: closure, layers, layout, files; upper, what an overlay wrote, and stack, what hides what; repositories,
registry.
"""
