#!/bin/bash
# A gibibyte each way (t/lab_bulk.t with more). Run by scripts/check --long.
T_MIB=1024 exec "$(dirname "$0")/lab_bulk.t"
