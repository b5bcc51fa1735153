"""Video for browsers: MJPEG, WebRTC and the placeholder frame."""
