"""Timeout Monitor: which Genesys Cloud data actions time out, counted exactly once."""

__version__ = "0.1.0"
