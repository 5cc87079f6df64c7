"""``python -m circus.web``: circushttpd."""

from circus.web import main

main()
