"""The engine: the record of calls, limits, a single call with its attempts, and the interface of a protocol."""
