"""What an image is made of: programs with everything that they need, as an archive.

Reading order: closure, layers, layout, files; upper, what an overlay wrote, stack, what hides what, and
saved, what engines hand out; repositories, registry.
"""
