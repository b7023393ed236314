#!/bin/bash
. /etc/os-release
grep -qx '# mine' /etc/security/limits.conf || echo '# mine' >> /etc/security/limits.conf
chmod 600 /etc/security/limits.conf
case " $ID $ID_LIKE " in
    *" debian "*) dpkg -V libpam-modules | grep /etc ;;
    *) rpm -Vf /etc/security/limits.conf | grep /etc ;;
esac
