#!/bin/bash
f=/etc/security/limits.conf
dpkg -V libpam-modules | grep -q "^??5.* $f\$" ||
    { echo "$f is still as the package brought it: type the echo line"; exit 1; }
[ "$(stat -c %a $f)" = 600 ] || { echo "the mode of $f is not 600: chmod 600 $f"; exit 1; }
