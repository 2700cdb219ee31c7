"""Figures and ratios, every comparison side by side in one run: ``make bench``."""
