"""The generated parts of the manual: each module makes some of them, from the code that runs.

Theory: a page is written by hand, and between a pair of markers, ``<!-- generated: NAME -->`` and ``<!-- end -->``, it holds
what the function called NAME gives. `docs/generate.py` puts it there and is what ``make docs`` runs first; a test runs the same
functions and fails where a page has something else.
"""
