"""sslyze, in a child process: flaws that take a whole handshake, and a second opinion."""
