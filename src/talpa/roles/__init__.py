"""What the program can be to others: server (LNS), client. Each ties links to an end."""
