"""The only modules that open a connection or start a process."""
