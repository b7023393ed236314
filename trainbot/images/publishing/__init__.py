"""Images as a web server offers them to people who run them on machines of their own.

    DIR/images/debian -> debian-0123456789ab     what is offered now
    DIR/images/debian-0123456789ab/              named by all that is in it; never changed

``publish.publish`` makes it, ``place.published`` finds it again.
"""
