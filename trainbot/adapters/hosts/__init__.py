"""The adapter to the machines that run labs."""

import os

# libvirt reads it when it is imported: its warnings are about daemons that we do not run; errors reach us as errors
os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null")
