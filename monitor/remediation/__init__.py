"""What changes timeouts: guards that decide, targets that write, and the record of it all.

``targets`` is the only door through which anything is written to the platform.
"""
