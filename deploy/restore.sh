#!/bin/sh
# Puts back what deploy/backup.sh copied. What was there before is kept aside until the next restore.
#   deploy/restore.sh FOLDER            into what compose.yaml runs; stops the service and starts it again
#   deploy/restore.sh FOLDER DATA_DIR   for a single process, which must have been stopped
set -eu
umask 077

[ $# -eq 1 ] || [ $# -eq 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
folder=$(cd "$1" && pwd)
# pg_restore does not notice everything that is missing.
(cd "$folder" && sha256sum --check --quiet SHA256SUMS)

if [ $# -eq 2 ]; then
    exec "${PYTHON:-python3}" - "$folder" "$2" <<'PYTHON'
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from shutil import copy2

folder, data = map(Path, sys.argv[1:])
if not (folder / "ai-service.db").exists():
    sys.exit(f"there is no ai-service.db in {folder}")
data.mkdir(mode=0o700, parents=True, exist_ok=True)
if (data / "ai-service.db").exists():
    # Leaving WAL mode takes every other connection's end, and puts what is in the journal into the file.
    with closing(sqlite3.connect(data / "ai-service.db", timeout=0)) as database:
        try:
            database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:
            sys.exit(f"stop the service first: {error}")
for name in ("secret.key", "ai-service.db"):
    if not (folder / name).exists():  # the secret is in AI_SERVICE_SECRET_KEY
        continue
    if (data / name).exists():
        (data / name).replace(data / f"{name}.before-restore")
    copy2(folder / name, data / f"{name}.new")
    (data / f"{name}.new").replace(data / name)
print("restored; start the service")
PYTHON
fi

cd "$(dirname "$0")"
[ -e .env ] || cp "$folder/env" .env
secret() { grep '^AI_SERVICE_SECRET_KEY=' "$1"; }
[ "$(secret .env)" = "$(secret "$folder/env")" ] || {
    echo "AI_SERVICE_SECRET_KEY in .env is not the backup's: no API key in it would be known" >&2
    exit 1
}

# Into a database of its own first, so that a restore that fails changes nothing.
docker compose up --detach --wait postgres
# shellcheck disable=SC2016 # for the shell in the container
docker compose exec -T postgres sh -euc '
    export PGUSER="$POSTGRES_USER" PGDATABASE=postgres
    dropdb --if-exists "${POSTGRES_DB}_restored"
    createdb --template template0 "${POSTGRES_DB}_restored"
    pg_restore --exit-on-error --no-owner --dbname "${POSTGRES_DB}_restored"
' <"$folder/ai-service.dump"

docker compose stop service
# shellcheck disable=SC2016 # for the shell in the container
docker compose exec -T postgres sh -euc '
    export PGUSER="$POSTGRES_USER" PGDATABASE=postgres
    dropdb --if-exists --force "${POSTGRES_DB}_before_restore"
    psql --quiet --single-transaction --set ON_ERROR_STOP=1 \
        --command "ALTER DATABASE \"${POSTGRES_DB}\" RENAME TO \"${POSTGRES_DB}_before_restore\"" \
        --command "ALTER DATABASE \"${POSTGRES_DB}_restored\" RENAME TO \"${POSTGRES_DB}\""
'
docker compose up --detach --wait
echo "restored"
