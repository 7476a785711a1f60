"""One data action, looked at closely: its single executions, its flows and whom it hit."""
