"""Who is let in, with which addresses: users, pools and limits in one place."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from talpa.aaa.limits import Guesses, GuessLimits
from talpa.aaa.pools import Addresses, Lease, Pool, PoolUsage
from talpa.aaa.users import User
from talpa.crypto.attempts import CertificateAttempt
from talpa.crypto.credentials import Accepted, Attempt, PasswordChanged, Refused
from talpa.crypto.mschap import nt_password_hash
from talpa.sansio import Rng
from talpa.wire import Secret, printable

DISABLED = 647
PASSWORD_EXPIRED = 648
NO_PERMISSION = 649
WRONG = 691
CHANGE_FAILED = 709
"""MS-CHAP error codes (RFC 2759 6)."""

_SHOWN = 64
_HASHED = 4000
"""Users whose password is hashed beforehand: those whose hashes are kept."""


class Directory:
    """Answers attempts, and hands out leases.

    Raises `ValueError` when users and pools do not fit together: names used twice, unknown pools,
    networks that overlap, addresses given to two users.
    """

    def __init__(
        self,
        users: Iterable[User],
        pools: Iterable[Pool],
        *,
        rng: Rng,
        limits: GuessLimits | None = None,
        password_changed: Callable[[str, Secret], None] | None = None,
    ) -> None:
        self.password_changed = password_changed
        """Called with the user's name and the new password, so that it can be stored. Where it
        raises `OSError`, the old password stays."""
        self._guesses = Guesses(limits or GuessLimits())
        self._decoy = Secret(rng(8).hex())
        self._users: dict[str, User] = {}
        self._changed: dict[str, tuple[Secret, Secret]] = {}
        """By user: the password as configured, and what its user has changed it to."""
        self._pools: dict[str, Addresses] = {}
        self._leases: dict[IPv4Address, Lease] = {}
        self._sessions: dict[str, int] = {}
        self.reload(users, pools)

    def reload(self, users: Iterable[User], pools: Iterable[Pool]) -> None:
        """Take other users and pools. Leases stay; their addresses go to nobody else.

        A password that its user has changed stays too, until another one is configured. Raises
        `ValueError`; then nothing has changed.
        """
        by_name, specs = list(users), list(pools)
        check(by_name, specs)
        fixed = [u.address for u in by_name if u.address is not None]
        self._pools = {p.name: self._addresses(p, fixed) for p in specs}
        self._users = {u.name: self._as_changed(u) for u in by_name}
        # Hashes of passwords are kept: the decoy's, too, and before the first login. Else the time
        # of an answer tells which names exist.
        for password in (*(u.password for u in list(self._users.values())[:_HASHED]), self._decoy):
            nt_password_hash(password)
        self._changed = {n: c for n, c in self._changed.items() if n in self._users}
        for lease in self._leases.values():
            for addresses in self._pools.values():
                addresses.take4(lease.ipv4)
                if lease.ipv6_prefix is not None:
                    addresses.take6(lease.ipv6_prefix)

    def _addresses(self, spec: Pool, fixed: list[IPv4Address]) -> Addresses:
        """The pool as it runs already, if its networks are the same."""
        old = self._pools.get(spec.name)
        if old is None or (old.spec.ipv4, old.spec.ipv6) != (spec.ipv4, spec.ipv6):
            return Addresses(spec, fixed)
        old.adopt(spec, fixed)
        return old

    def _as_changed(self, user: User) -> User:
        before, after = self._changed.get(user.name, (user.password, None))
        if after is None:
            return user
        if before != user.password:
            del self._changed[user.name]
            return user
        return replace(user, password=after, expired=False)

    def authenticate(
        self, attempt: Attempt, source: str, now: float
    ) -> Accepted | Refused | PasswordChanged:
        """Decide about an attempt that came from the address `source`.

        A certificate that was verified is no guess, and no password takes part: it is let in
        however many others have guessed, also while the password has expired.
        """
        if isinstance(attempt, CertificateAttempt):
            return self._by_certificate(attempt)
        name = attempt.name
        wait = self._guesses.source_wait(name, source, now)
        if wait:
            return _too_many(f"from {source}", wait, retry=False)
        wait = self._guesses.user_wait(name, source, now)
        if wait:
            return _too_many(f"of {_shown(name)} from {source}", wait, retry=True)
        user = self._users.get(name)
        # A name that does not exist is held against a password, so that it takes as long as one
        # that does.
        password = self._decoy if user is None else user.password
        result = attempt.check(password)
        if user is None or result is None:
            self._guesses.failed(name, source, now)
            cause = f"no such user: {_shown(name)}" if user is None else f"{name}: wrong password"
            return Refused(cause, retry=True)
        self._guesses.succeeded(name, source)
        if user.disabled:
            return _disabled(user)
        if isinstance(result, PasswordChanged):
            return self._change(user, result)
        if user.expired:
            return _expired(user)
        return result

    def _by_certificate(self, attempt: CertificateAttempt) -> Accepted | Refused:
        user = self._users.get(attempt.name)
        if user is None:
            subject = printable(attempt.subject, _SHOWN)
            return Refused(f"no such user: {_shown(attempt.name)} (certificate of {subject})")
        return _disabled(user) if user.disabled else attempt.check(user.password)

    def _change(self, user: User, result: PasswordChanged) -> PasswordChanged | Refused:
        if not user.may_change_password or not result.password:
            reason = f"{user.name}: may not change the password"
            return Refused(reason, "The password could not be changed", CHANGE_FAILED)
        if self.password_changed is not None:
            try:
                self.password_changed(user.name, result.password)
            except OSError as error:
                reason = f"{user.name}: the new password could not be stored: {error.strerror}"
                return Refused(reason, "The password could not be changed", CHANGE_FAILED)
        configured, _ = self._changed.get(user.name, (user.password, None))
        self._changed[user.name] = (configured, result.password)
        self._users[user.name] = replace(user, password=result.password, expired=False)
        return result

    def knows(self, user: str) -> bool:
        """Whether there is a user of that name."""
        return user in self._users

    def full(self, user: str) -> bool:
        """Whether `user` has as many sessions as allowed."""
        who = self._users.get(user)
        limit = None if who is None else who.sessions
        return limit is not None and self._sessions.get(user, 0) >= limit

    def admit(self, user: str, now: float, *, source: str) -> Lease | Refused:
        """Addresses for a session of `user`, who is authenticated and comes from `source`."""
        who = self._users.get(user)
        if who is None:
            return Refused(f"no such user any more: {_shown(user)}", error=NO_PERMISSION)
        sessions = self._sessions.get(user, 0)
        if self.full(user):
            has = "1 session" if sessions == 1 else f"{sessions} sessions"
            reason = f"{user} already has {has}, the most allowed (now tried from {source})"
            return Refused(reason, "Too many sessions", NO_PERMISSION)
        addresses = self._pool_of(who)
        spec = addresses.spec
        ipv4 = self._fixed(who)
        if ipv4 is None:
            ipv4 = addresses.acquire4(user, now)
        if ipv4 is None:
            used = addresses.usage()
            reason = f"pool {spec.name} is exhausted ({used.ipv4_used} of {used.ipv4_size} in use)"
            return Refused(reason, "No address is free", NO_PERMISSION)
        prefix = addresses.acquire6(user, now) if who.ipv6 else None
        idle = spec.idle_seconds if who.idle_seconds is None else who.idle_seconds
        session = spec.session_seconds if who.session_seconds is None else who.session_seconds
        lease = Lease(who.name, spec, ipv4, prefix, idle, session)
        self._leases[ipv4] = lease
        self._sessions[who.name] = sessions + 1
        return lease

    def release(self, lease: Lease, now: float) -> None:
        """The session is over. A lease that was given back already is ignored."""
        if self._leases.get(lease.ipv4) is not lease:
            return
        del self._leases[lease.ipv4]
        left = self._sessions[lease.user] - 1
        if left:
            self._sessions[lease.user] = left
        else:
            del self._sessions[lease.user]
        # A reload may have moved its addresses to another pool.
        for addresses in self._pools.values():
            addresses.release4(lease.ipv4, lease.user, now)
            if lease.ipv6_prefix is not None:
                addresses.release6(lease.ipv6_prefix, lease.user, now)

    def usage(self) -> tuple[PoolUsage, ...]:
        """How full each pool is."""
        return tuple(addresses.usage() for addresses in self._pools.values())

    def _pool_of(self, user: User) -> Addresses:
        if user.pool is None:
            return next(iter(self._pools.values()))
        return self._pools[user.pool]

    def _fixed(self, user: User) -> IPv4Address | None:
        """The user's own address, if no other session has it."""
        if user.address is None or user.address in self._leases:
            return None
        for addresses in self._pools.values():
            addresses.take4(user.address)
        return user.address


def check(users: list[User], pools: list[Pool]) -> None:
    """Whether users and pools fit together; raises `ValueError` if not."""
    if not pools:
        raise ValueError("there is no pool")
    names = {p.name for p in pools}
    if len(names) < len(pools):
        raise ValueError("two pools have the same name")
    for i, one in enumerate(pools):
        for other in pools[:i]:
            if one.ipv4.overlaps(other.ipv4):
                raise ValueError(f"pools {other.name} and {one.name} overlap")
            if one.ipv6 is not None and other.ipv6 is not None and one.ipv6.overlaps(other.ipv6):
                raise ValueError(f"pools {other.name} and {one.name} overlap")
    known: set[str] = set()
    fixed = {address: f"pool {p.name} for itself" for p in pools for address in p.kept}
    for user in users:
        if user.name in known:
            raise ValueError(f"user {user.name} is there twice")
        known.add(user.name)
        if user.pool is not None and user.pool not in names:
            raise ValueError(f"user {user.name}: no such pool: {user.pool}")
        if user.address is not None:
            if user.address in fixed:
                raise ValueError(
                    f"user {user.name}: {user.address} is taken by {fixed[user.address]}"
                )
            fixed[user.address] = f"user {user.name}"


def _too_many(what: str, wait: float, *, retry: bool) -> Refused:
    reason = f"too many failures {what}: wait {max(1, round(wait))} s"
    return Refused(reason, "Too many failures: wait", retry=retry)


def _disabled(user: User) -> Refused:
    return Refused(f"{user.name}: the account is disabled", "Account disabled", DISABLED)


def _expired(user: User) -> Refused:
    if user.may_change_password:
        reason = f"{user.name}: the password has expired"
        return Refused(reason, "The password has expired", PASSWORD_EXPIRED)
    # Error 648 would make the client ask for a new password that we then refuse.
    reason = f"{user.name}: the password has expired, and the user may not change it"
    return Refused(reason, "The password has expired", DISABLED)


def _shown(name: str) -> str:
    """A name that a peer made up, fit for a log line."""
    return printable(name, _SHOWN)
