#!/bin/bash
systemctl stop payroll 2> /dev/null || true
