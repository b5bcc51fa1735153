"""The quality-of-service profiles of the turret, by what they are for."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

#: State topics: reliable, latched, newest only.
STATE = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL)
#: Image publishers: reliable, because stock viewers ask for it and get black video otherwise.
IMAGE_OUT = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
#: Our own image subscribers: newest only.
IMAGE_IN = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
#: Permits and fire grants: newest only, never latched.
PERMIT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
#: Measurements in a stream: detections, tracks, joint states.
STREAM = QoSProfile(depth=5, reliability=ReliabilityPolicy.RELIABLE)
#: Commands in a stream: newest only, never latched.
COMMAND = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
#: The consolidated status.
STATUS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
#: Our own readers of any topic who want only the newest message.
NEWEST = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
