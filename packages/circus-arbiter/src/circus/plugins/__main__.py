"""``python -m circus.plugins``: the same as ``circus-plugin``."""

from circus.plugins.command import main

if __name__ == "__main__":
    main()
