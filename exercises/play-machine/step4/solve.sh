#!/bin/bash
set -o pipefail
ausearch --input-logs -m avc -ts boot -su user_u:user_r:user_t:s0 | audit2allow | tee /root/wishes
