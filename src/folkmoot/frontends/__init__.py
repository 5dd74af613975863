"""The ways in. Each turns a user's request into a `Job`, runs it, and shows the result."""
