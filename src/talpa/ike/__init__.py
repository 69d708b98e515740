"""IKEv1 (RFC 2407 to 2409) and IKEv2 (RFC 7296): keys and associations, from messages alone.

Drive `talpa.ike.endpoint.Endpoint` as `talpa.sansio.core` says. What it negotiates it hands over as
values of `talpa.esp` in events; it installs nothing.
"""
