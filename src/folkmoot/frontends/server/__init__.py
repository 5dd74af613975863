"""The HTTP server: panels as OpenAI-compatible models, a native API beside that, and the page that uses it."""
