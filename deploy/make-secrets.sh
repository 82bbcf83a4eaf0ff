#!/bin/sh
# Makes what is missing in the folder given: the database's password, and the file from which gateways read it.
set -eu
folder=$1
umask 077
if [ ! -s "$folder/database-password" ]; then
    head -c 24 /dev/urandom | base64 | tr '+/' '-_' > "$folder/database-password"
fi
printf 'database:5432:caregate:caregate:%s\n' "$(cat "$folder/database-password")" > "$folder/pgpass"
if [ "$(id -u)" -eq 0 ]; then
    # the gateways run as this user, and a password file that others may read is not used
    chmod 711 "$folder"
    chown 65532:65532 "$folder/pgpass"
fi
