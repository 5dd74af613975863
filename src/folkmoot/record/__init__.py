"""The folder of a run on disk: its files, its index, and what is written for people."""
