# SPDX-License-Identifier: Apache-2.0
"""One message to many clients: encoded once, sent through bounded queues."""
