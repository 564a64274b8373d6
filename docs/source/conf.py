"""Settings of Sphinx for the documentation in every language; ``make docs`` gives the language."""

from importlib.metadata import version as installed_version

project = "transformers"
author = "the authors of transformers"
copyright = "the authors, Apache-2.0"  # noqa: A001 - Sphinx's name
release = version = installed_version("transformers")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
source_suffix = {".md": "markdown"}

html_theme = "pydata_sphinx_theme"
html_title = f"transformers {release}"
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
html_show_sourcelink = False
