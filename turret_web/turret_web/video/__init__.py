# SPDX-License-Identifier: Apache-2.0
"""Video for browsers: MJPEG, WebRTC and the placeholder frame."""
