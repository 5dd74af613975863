"""Formats: what a seat is told to write and how that is read, as one value each.

A format's `parse` returns a value that stands in the reply, or raises Unparseable. It never supplies one.
"""

from folkmoot.formats.base import Format
from folkmoot.formats.scores import REVIEW, SCORES, Review, scores_for
from folkmoot.formats.text import TEXT

__all__ = ["REVIEW", "SCORES", "TEXT", "Format", "Review", "scores_for"]
