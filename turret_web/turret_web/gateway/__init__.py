"""Boundary between ROS threads and the event loop of the web server."""
