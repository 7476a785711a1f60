"""What times out, how often, how slowly, and whom it hits: the ledger's tallies, summarised.

``model`` holds the answers, ``query`` asks the ledger for them.
"""
