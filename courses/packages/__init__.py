"""A whole course in one file: the platform's own archive, both ways, and other systems' packages."""
