"""Deployment that a project's own subscribers require."""

from __future__ import annotations

from typing import TYPE_CHECKING

from feedd.runtime.deployment import deployment_id

if TYPE_CHECKING:
    from feedd.config.settings import Config


def own_deployment(settings: Config) -> str | None:
    """Return the id of the run directory; None where symbols are replayed.

    A replay repeats the recorded statuses, with the deployment of the recording.
    """
    if any(feed.source == "replay" for feed in settings.feeds()):
        return None
    return deployment_id(settings.run_dir)
