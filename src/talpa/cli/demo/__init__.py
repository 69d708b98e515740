"""`talpa demo`: a server and a client on one machine, in network namespaces of their own."""
