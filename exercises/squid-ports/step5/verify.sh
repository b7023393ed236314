#!/bin/bash
[ -f /etc/nginx/conf.d/keys.conf ] || { echo "there is no /etc/nginx/conf.d/keys.conf: type the first line of the step"; exit 1; }
ausearch --input-logs -m avc -c nginx -ts boot 2>/dev/null | grep -q 'name_bind.* src=11371 ' ||
    { echo "the audit log has no denial for port 11371: systemctl stop keys-11371; systemctl restart nginx"; exit 1; }
