"""What the nodes share: parameters, QoS, images, subscriptions, deferred responses."""
