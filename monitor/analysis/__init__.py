"""From the ledger to answers: what times out, how often, how slowly, and whom it hits.

``values`` are the answers, ``summary`` asks the ledger for them, ``report`` writes them down.
Only ``summary`` loads pandas.
"""
