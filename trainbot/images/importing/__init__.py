"""Cloud images of distributions as images for labs.

``importing.import_image`` goes the whole way: fetch (``fetch``), compare (``sums``), as a raw disk (``disk``), kernel and
initrd taken out and the seed put in by libguestfs (``opened``, ``opener``), how it boots (``bootline``).  No file system
of the image is ever mounted on this machine.
"""
