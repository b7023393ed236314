#!/bin/bash
. /etc/os-release
case " $ID $ID_LIKE " in
    *" debian "*)
        dpkg -S /usr/sbin/semanage /usr/sbin/matchpathcon /usr/bin/seinfo | tee /root/owners.txt
        dpkg -S /usr/sbin/ausearch /sbin/ausearch | tee -a /root/owners.txt ;;
    *) rpm -qf /usr/sbin/semanage /usr/sbin/matchpathcon /usr/sbin/ausearch | tee /root/owners.txt ;;
esac
