"""The version, as pyproject.toml states it."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("spbe-audit")
except PackageNotFoundError:  # an uninstalled checkout
    VERSION = "0+unknown"
