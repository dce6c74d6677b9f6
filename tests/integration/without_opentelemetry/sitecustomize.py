"""Found by PYTHONPATH: in a process that starts with it, OpenTelemetry is not installed."""

import sys
from importlib.abc import MetaPathFinder


class _NotInstalled(MetaPathFinder):
    def find_spec(self, fullname, _path=None, _target=None):
        if fullname.partition(".")[0] == "opentelemetry":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


sys.meta_path.insert(0, _NotInstalled())
