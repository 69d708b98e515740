"""What secrets are used with: the passwords of PPP; ciphers, key exchanges and signatures of
IKE and ESP; certificates.

Passwords: `chap`, `mschap`, `attempts`, `credentials`. IKE and ESP: `algorithms` has the numbers;
`encryption`, `integrity`, `prf` and `exchange` each have a table of what we know, and a function
that finds one by its number; `signing` and `certificates` prove who somebody is.
"""
