"""A Java virtual machine in Python."""
