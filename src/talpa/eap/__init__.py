"""EAP (RFC 3748): both parties, for IKEv2 and PPP alike."""
