"""The packets: the interface of the data plane, and its implementations."""
