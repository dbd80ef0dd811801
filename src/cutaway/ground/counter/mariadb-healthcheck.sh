#!/bin/sh
# Whether the server takes connections, as the published image's program of this name says it.
exec mariadb-admin --host=127.0.0.1 --user="$MARIADB_USER" \
    --password="${MARIADB_PASSWORD-$(cat "${MARIADB_PASSWORD_FILE-/dev/null}")}" ping > /dev/null
