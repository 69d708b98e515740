"""Floor 1: L2TP (RFC 2661): control connections, calls, and what their messages say."""
