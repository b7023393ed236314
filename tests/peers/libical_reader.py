"""Reads calendars with libical (what Evolution, KOrganizer and GNOME Calendar use), in the system's Python.

One calendar per line of standard input, as a JSON string; for each a line of JSON: the occurrences of its first event
from the first to the last moment (``argv``, epoch seconds), as pairs of start and length in seconds, in order.
"""

import json
import sys

import gi

gi.require_version("ICalGLib", "3.0")
from gi.repository import ICalGLib


def occurrences(text, first, last):
    found = []

    def one(_component, span, *_data):
        found.append((span.get_start(), span.get_end() - span.get_start()))

    calendar = ICalGLib.Component.new_from_string(text)
    event = calendar.get_first_component(ICalGLib.ComponentKind.VEVENT_COMPONENT)
    utc = ICalGLib.Timezone.get_utc_timezone()
    limits = [ICalGLib.Time.new_from_timet_with_zone(at, 0, utc) for at in (first, last)]
    event.foreach_recurrence(*limits, one, None)
    return sorted(set(found))


for line in sys.stdin:
    print(json.dumps(occurrences(json.loads(line), int(sys.argv[1]), int(sys.argv[2]))), flush=True)
