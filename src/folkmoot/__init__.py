"""Folkmoot: several models, one answer, the whole record."""
