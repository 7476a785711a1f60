"""What the platform can be asked: actions, flows, audits, limits, and analytics."""
