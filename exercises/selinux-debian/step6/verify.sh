#!/bin/bash
[ -f /var/www/html/draft.html ] || { echo "there is no /var/www/html/draft.html: type the first line of the step"; exit 1; }
ausearch --input-logs -m avc -ts boot 2>/dev/null | grep -q 'draft\.html.*permissive=1' ||
    { echo "the audit log has no permissive denial for draft.html: setenforce 0; curl http://localhost/draft.html"; exit 1; }
[ "$(getenforce)" = Enforcing ] || { echo "SE Linux is still permissive: setenforce 1"; exit 1; }
