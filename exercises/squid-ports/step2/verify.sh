#!/bin/bash
curl -sf -o /dev/null --max-time 20 http://127.0.0.1:11372/pks/lookup || { echo "nothing answers on port 11372: systemctl status keys-11372, or the second line of step 1"; exit 1; }
ausearch --input-logs -m avc -c squid -ts boot 2>/dev/null | grep -q 'name_connect.* dest=11372 ' ||
    { echo "the audit log has no denial for port 11372: type the first line of the step, with SE Linux enforcing"; exit 1; }
