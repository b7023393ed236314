#!/bin/bash
set -e
restorecon -v /var/www/html/hello.html
