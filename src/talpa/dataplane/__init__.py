"""Floor 2: the packets: the interface of the data plane, and its implementations."""
