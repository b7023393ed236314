"""Publishes images for a web server, for people who run them on their own machines.

    DIR/images/debian -> debian-0123456789ab     the published version
    DIR/images/debian-0123456789ab/              named by a hash of its content; never changed

``publish.publish`` creates it, ``published.published`` finds it again.
"""
