"""The manual: Sphinx, Markdown by MyST, the theme Furo. Nothing in the output is loaded from elsewhere."""

from circus import __version__

project = "Circus"
author = "the Circus authors"
copyright = "the Circus authors, Apache-2.0"  # noqa: A001 - Sphinx asks for this name
release = version = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 4
source_suffix = {".md": "markdown"}
root_doc = "index"
exclude_patterns = ["_site", "parts", "Thumbs.db"]

nitpicky = True
suppress_warnings: list[str] = []

html_theme = "furo"
html_title = f"Circus {release}"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"top_of_page_buttons": []}
pygments_style = "friendly"
pygments_dark_style = "monokai"
html_static_path = ["static"]
html_css_files = ["circus.css"]
