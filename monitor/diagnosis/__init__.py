"""Why each action times out, and whether a longer timeout would help: from evidence to a verdict.

``evidence`` is what was counted, ``action`` judges one action by it, ``org`` all of an org.
"""
