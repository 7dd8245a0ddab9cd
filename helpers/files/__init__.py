"""Untrusted files read, pictures that come with the course found, and files written whole or not at all."""
