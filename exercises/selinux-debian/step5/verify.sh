#!/bin/bash
[ -f /etc/nginx/conf.d/11377.conf ] || { echo "there is no /etc/nginx/conf.d/11377.conf: type the first line of the step"; exit 1; }
ausearch --input-logs -m avc -ts boot 2>/dev/null | grep -q 'name_bind.* src=11377 ' ||
    { echo "the audit log has no denial for port 11377: systemctl restart nginx, with SE Linux enforcing"; exit 1; }
