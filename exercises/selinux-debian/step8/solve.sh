#!/bin/bash
set -e
grep -q '^(allow peek_t peek_notes_t (dir' /root/peek.cil ||
    echo '(allow peek_t peek_notes_t (dir (search))) (allow peek_t peek_notes_t (file (open read getattr)))' >> /root/peek.cil
semodule -l | grep -qx peek || semodule -n -i /root/peek.cil
load_policy
restorecon -R /usr/local/bin/peek /srv/notes
