"""Times and amounts as a person reads them, short enough for a column."""

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def duration(seconds: float | None) -> str:
    """Such as "12s", "4m05s", "3h04m", "2d03h"; "-" for None."""
    if seconds is None:
        return "-"
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}d{hour:02}h"
    if hours:
        return f"{hours}h{minute:02}m"
    if minutes:
        return f"{minutes}m{second:02}s"
    return f"{second}s"


def octets(count: int) -> str:
    """Such as "0 B", "999 B", "1.2 kB", "34 MB": powers of 1000, two figures."""
    amount = float(count)
    for unit in _UNITS:
        if round(amount) < 1000 or unit == _UNITS[-1]:
            break
        amount /= 1000
    short = unit == "B" or amount >= 9.95
    return f"{amount:.0f} {unit}" if short else f"{amount:.1f} {unit}"
