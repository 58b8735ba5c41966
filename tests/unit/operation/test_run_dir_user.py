"""A run directory serves one project at a time."""

import os
from pathlib import Path

import psutil
import pytest

from feedd.errors import ConfigError
from feedd.operation.run_dir_user import refuse_shared_run_dir
from feedd.supervision import restarts
from feedd.supervision.restarts import RestartCounts


def test_a_run_directory_that_another_supervisord_uses_is_refused_with_its_pid(
    tmp_path: Path,
) -> None:
    refuse_shared_run_dir(str(tmp_path), None)
    pid, began_s = os.getpid(), psutil.Process().create_time()
    path = tmp_path / restarts.FILE
    restarts.write_counts(RestartCounts(pid, began_s), path)
    with pytest.raises(ConfigError, match=rf"is used by another project: pid {pid} \("):
        refuse_shared_run_dir(str(tmp_path), None)
    refuse_shared_run_dir(str(tmp_path), pid)
    restarts.write_counts(RestartCounts(pid, began_s - 3600), path)  # an earlier process' pid
    refuse_shared_run_dir(str(tmp_path), None)
