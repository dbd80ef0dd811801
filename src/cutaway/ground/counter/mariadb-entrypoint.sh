#!/bin/sh
# Make a database on an empty volume, with the account that the environment names, and become the server.
# It takes the same words as the entry point of the published image, mariadb: MARIADB_DATABASE, MARIADB_USER, and
# MARIADB_PASSWORD or MARIADB_PASSWORD_FILE.
set -e
data=/var/lib/mysql making=/var/lib/mysql/.making tables=/usr/share/mysql/mysql_system_tables account=/run/account.sql
password=${MARIADB_PASSWORD-}
[ -z "${MARIADB_PASSWORD_FILE-}" ] || password=$(cat "$MARIADB_PASSWORD_FILE")

if [ ! -d $data/mysql ] || [ -e $making ]; then # also when somebody killed us while we made it
    rm -rf ${data:?}/* && touch $making && chown -R mysql $data
    { echo "CREATE DATABASE mysql;"; echo "USE mysql;"; echo "SET @auth_root_socket = NULL;"
      cat $tables.sql ${tables}_data.sql; } | mariadbd --user=mysql --bootstrap --silent-startup
    sync && rm $making
fi

cat > $account <<END
CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;
CREATE USER IF NOT EXISTS '$MARIADB_USER'@'%' IDENTIFIED BY '$password';
GRANT ALL ON \`$MARIADB_DATABASE\`.* TO '$MARIADB_USER'@'%';
END
chown mysql $account && chmod 400 $account
exec "$@" --user=mysql --init-file=$account
