#!/bin/bash
set -e
mkdir -p /srv/www
echo side by side > /srv/www/index.html
restorecon -Rv /srv/www
