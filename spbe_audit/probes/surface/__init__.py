"""Surface evidence: what a web server shows beside its pages."""
