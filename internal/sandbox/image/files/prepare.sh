#!/bin/sh
# mmdebstrap runs this before any package is unpacked; $1 is the new root.
set -eu
mkdir -p "$1/etc/postgresql-common/createcluster.d"
# A host's database is made by its role, not by installing the package.
echo 'create_main_cluster = false' >"$1/etc/postgresql-common/createcluster.d/infra.conf"
