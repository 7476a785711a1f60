"""The client of one org: tokens, retries, rate limits, an HTTP exchange, and reading its answer."""
