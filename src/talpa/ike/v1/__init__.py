"""IKEv1: Main, Aggressive and Quick Mode, informational exchanges."""
