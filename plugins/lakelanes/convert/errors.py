"""What convert() raises. Faults of the file itself are not exceptions: they end in the rejects or in a refusal."""

from __future__ import annotations


class ConversionError(Exception):
    """The conversion cannot be done as asked, or its own accounts do not add up. Trying again does not help."""


class UnreadableSourceError(Exception):
    """The bytes of the source end early or are damaged: everything before that point has been handed out.

    Used inside the package; convert() turns it into a refusal.
    """


class TableGrewError(Exception):
    """A column turned out to be needed when a part of the target was written without it.

    variants: the names of all variant columns that the file needs.
    Used inside the package; convert() begins again with these.
    """

    def __init__(self, variants: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(variants)))
        self.variants = variants


class FileRefusedError(Exception):
    """The file as a whole is refused, for the reason in the message.

    missing, extra: what the header lacks, and what it has that the table lacks. header_read: whether there is a header,
    with rows after it. whole: whether all of its lines are to be rejected, also those that the dialect skips.
    head_only: whether there are far too many rows to reject them all.
    Used inside the package; convert() turns it into a Conversion whose `refused` is the reason.
    """

    def __init__(
        self,
        reason: str,
        missing: tuple[str, ...] = (),
        extra: tuple[str, ...] = (),
        *,
        header_read: bool = True,
        whole: bool = False,
        head_only: bool = False,
    ) -> None:
        super().__init__(reason)
        self.missing = missing
        self.extra = extra
        self.header_read = header_read
        self.whole = whole
        self.head_only = head_only

    def add(self, hint: str) -> None:
        """Has the reason end with what helps."""
        self.args = (f"{self}; {hint}",)
