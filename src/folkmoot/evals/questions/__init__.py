"""The question sets that ship: traps for a single model, and questions of several steps, each with its derivation.

Every question is written with the answer that its author worked out, and with a program that derives the answer in
another way, mostly by counting or trying out. `python -m folkmoot.evals.questions.build` writes the two files,
and refuses to when the two differ for any question. A test does the same.
"""
