"""IKEv2: initial exchanges, CREATE_CHILD_SA, INFORMATIONAL."""
