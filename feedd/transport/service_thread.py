"""Thread that serves sockets until it is stopped, and keeps the error that ended it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class ServiceThread(ABC):
    """A service in its own thread, for an owner that checks `runs` and then raises `fault`."""

    def __init__(self, name: str) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)
        self.fault: Exception | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether the thread runs; if it has failed, `fault` is the exception."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Stop the thread, if it was started, and close the sockets."""
        self._stopping.set()
        if self._thread.ident is None:
            self._close()
        else:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001  the thread's owner raises it
            self.fault = error
        finally:
            self._close()

    @abstractmethod
    def _serve(self) -> None:
        """Serve until `_stopping` is set."""

    @abstractmethod
    def _close(self) -> None:
        """Close the sockets."""
