"""The cases of the built-in checks; they ship, so that `checks show` can give examples."""
