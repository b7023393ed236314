"""A learner at a terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import termios


class Terminal:
    """ssh on a real terminal.  ``patience``: seconds at most until more is shown."""

    patience = 30.0

    def __init__(self, world, password, rows=24, columns=100, words=(), **who):
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(self.master, (rows, columns))
        self.process = subprocess.Popen(
            world.command(*words, options=["-tt"], **who),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, termios.TIOCSCTTY, 0),
            env=world.environment(password),
        )
        os.close(slave)
        self.seen = b""
        self.all = b""

    def type(self, text):
        os.write(self.master, text)

    def until(self, text):
        """Reads until ``text`` was shown."""
        while text not in self.seen:
            assert select.select([self.master], [], [], self.patience)[0], self.seen
            try:
                read = os.read(self.master, 65536)
            except OSError:
                raise AssertionError(self.seen) from None
            self.seen += read
            self.all += read
        self.seen = self.seen.partition(text)[2]

    def close(self):
        status = self.process.wait(self.patience)
        os.close(self.master)
        return status
