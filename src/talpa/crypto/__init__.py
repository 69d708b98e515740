"""What proves a password: CHAP, MS-CHAP and their ciphers and hashes."""
