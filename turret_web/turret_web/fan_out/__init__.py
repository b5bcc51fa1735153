"""One message to many clients: encoded once, sent through bounded queues."""
