"""The adapters for the machines that run labs."""

import os

# libvirt reads this when it is imported.  Its warnings are about daemons that we do not run; errors are raised to us
os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null")
