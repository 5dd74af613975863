"""Folkmoot in Inspect (inspect-ai): a solver that resumes its runs, and panels and protocols as models.

Inspect loads this module by its entry point, so that `--solver folkmoot/panel` and `--model folkmoot/ask@a,b` work.
"""

from folkmoot.frontends.inspect.model import folkmoot
from folkmoot.frontends.inspect.solver import panel

__all__ = ["folkmoot", "panel"]
