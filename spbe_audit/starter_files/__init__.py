"""The files that `spbe-audit init` writes: data, read through importlib.resources."""
