#!/bin/bash
ausearch --input-logs -m avc -c peek -ts boot 2>/dev/null | grep -q 'tcontext=[^ ]*:user_home' ||
    { echo "the audit log has no denial for /root/todo: peek /root/todo"; exit 1; }
[ -f /srv/notes/todo ] || { echo "there is no /srv/notes/todo: cp /root/todo /srv/notes/"; exit 1; }
ls -Z /srv/notes/todo | grep -q ':peek_notes_t:' || { echo "/srv/notes/todo has another type: restorecon -v /srv/notes/todo"; exit 1; }
seen=$(peek /srv/notes/todo 2>&1) || { echo "peek cannot read /srv/notes/todo: $seen"; exit 1; }
seen=$(peek /etc/shadow 2>&1) && { echo "peek may read /etc/shadow now: take that rule out of the policy again"; exit 1; }
exit 0
