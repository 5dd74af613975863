"""The chat: one question after the other to a panel, each a run of its own that is told what was said before."""
