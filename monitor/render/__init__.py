"""Answers written down: reports, diagnoses and investigations as JSON and CSV."""
