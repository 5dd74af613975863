"""A run as one page that needs nothing else: no network, no build, no server."""

from folkmoot.render.html.page import page

__all__ = ["page"]
