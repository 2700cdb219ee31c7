"""``python -m zhixin`` is ``zhixin``."""

from zhixin.cli import main

main(prog_name="zhixin")
