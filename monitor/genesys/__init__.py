"""Everything that speaks to Genesys Cloud, and nothing else.

``client.connect`` gives a client for one org; ``analytics``, ``actions``, ``flows``, ``limits`` and
``organization`` hold the questions it can be asked. Below them: ``auth`` (tokens), ``retry``,
``ratelimit``, ``transport`` (one HTTP exchange) and ``refusal`` (what a status means).
"""
