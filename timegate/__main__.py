"""``python -m timegate``: the command, where the shell does not find it."""

from timegate.cli import main

if __name__ == "__main__":
    main()
