#!/bin/bash
grep -qs 'busy: a customer stays' /root/counter ||
    { echo "/root/counter has no measurement: counter 50 80 | tee /root/counter"; exit 1; }
