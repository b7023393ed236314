"""Imports distributions' cloud images as lab images.

``importing.import_image`` does everything: download (``fetch``), verify (``sums``), convert to a raw disk (``disk``), extract
kernel and initrd and add the seed with libguestfs (``opened``, ``opener``), find how it boots (``bootline``).  No file system
of the image is ever mounted on this machine.
"""
