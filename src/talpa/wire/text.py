"""Text that somebody else wrote, made fit to be shown."""


def printable(text: str | bytes, limit: int | None = None) -> str:
    r"""One line of at most `limit` characters (None: all there are) in which nothing steers a
    terminal or fakes another line.

    What is not printable is escaped, as in "\x1b". Octets are read as UTF-8, and those that are
    none are escaped. A text that was cut ends in "...".
    """
    if isinstance(text, bytes):
        # No character takes more than four octets; one more shows whether there is more.
        octets = text if limit is None else text[: 4 * limit + 4]
        text = octets.decode("utf-8", "backslashreplace")
    if limit is not None:
        text = text[: limit + 1]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    if limit is not None and len(text) > limit:
        return text[: max(0, limit - 3)] + "..."[:limit]
    return text
