"""The words and the layout of the reports."""
