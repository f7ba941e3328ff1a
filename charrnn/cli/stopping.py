"""The end of a command by a signal."""


class Stopped(BaseException):
    """A signal ends the command at once.

    No ``Exception``, because it may be raised in the middle of an import, and libraries try many
    things there and take any failure for an answer.

    Attributes:
        exit_code: 128 and the number of the signal.
    """

    def __init__(self, number: int) -> None:
        """Take the number of the signal."""
        super().__init__(number)
        self.exit_code = 128 + number
