"""ESP (RFC 4303) and AH (RFC 4302): security associations, packets, replay windows.

Values here are what IKE negotiates and the data plane runs on: neither knows the other.
"""
