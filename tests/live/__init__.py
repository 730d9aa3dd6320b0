"""What is tried over real HTTP against one running server."""
