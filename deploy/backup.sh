#!/bin/sh
# Copies what cannot be made again into a new FOLDER, while the service runs. It holds secrets.
#   deploy/backup.sh FOLDER            what compose.yaml runs: PostgreSQL and .env
#   deploy/backup.sh FOLDER DATA_DIR   a single process: its embedded database and secret.key
set -eu
umask 077

[ $# -eq 1 ] || [ $# -eq 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
[ ! -e "$1" ] || { echo "$1 exists: a backup is never overwritten" >&2; exit 1; }
mkdir -p "$(dirname "$1")"
mkdir "$1.part"
trap 'rm -rf "$1.part"' EXIT
folder=$(cd "$1.part" && pwd)

if [ $# -eq 2 ]; then
    "${PYTHON:-python3}" - "$2" "$folder" <<'PYTHON'
import sqlite3
import sys
from pathlib import Path
from shutil import copy2

data, folder = map(Path, sys.argv[1:])
if not (data / "ai-service.db").exists():
    sys.exit(f"there is no ai-service.db in {data}")
database = sqlite3.connect(data / "ai-service.db", timeout=60)
database.execute("VACUUM INTO ?", (str(folder / "ai-service.db"),))
if (data / "secret.key").exists():  # absent where AI_SERVICE_SECRET_KEY is set: keep that yourself
    copy2(data / "secret.key", folder)
PYTHON
else
    cd "$(dirname "$0")"
    cp .env "$folder/env"
    # shellcheck disable=SC2016 # for the shell in the container
    docker compose exec -T postgres sh -c 'pg_dump --username "$POSTGRES_USER" --format custom "$POSTGRES_DB"' \
        >"$folder/ai-service.dump"
    cd "$OLDPWD"
fi
(cd "$folder" && sha256sum -- * >SHA256SUMS)
mv "$1.part" "$1"
echo "$1 is complete"
