"""``python -m circus.circusd``."""

from circus.circusd import main

main()
