"""What docker-compose.yml must be like, and how a test reads it."""
