"""Images for labs: built from recipes in images/, kept in the cache.

``build.build_image`` makes one, ``image.load_image`` finds it again, ``accel.working_accelerator`` says how fast it
will run here.
"""
