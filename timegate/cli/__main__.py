"""``python -m timegate.cli``."""

from timegate.cli import main

main()
