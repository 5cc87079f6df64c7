"""``python -m circus.stats``."""

from circus.stats import main

if __name__ == "__main__":
    main()
