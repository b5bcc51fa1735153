"""Stills, video and sound recordings, and the library that keeps them."""
