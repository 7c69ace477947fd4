-- Callers: the OAuth clients of Evergrant, and what each holds in the place of a refresh token. Nothing of
-- it can be opened: columns named *_hash are keyed hashes of what was shown once.

CREATE TABLE callers (
    id                    TEXT NOT NULL PRIMARY KEY,
    name                  TEXT NOT NULL,
    client_id             TEXT NOT NULL,
    secret_hash           BLOB NOT NULL,
    previous_secret_hash  BLOB,             -- what a rotation took the place of
    previous_valid_until  INTEGER,          -- until when that and the handles before it still work
    mode                  TEXT NOT NULL,    -- proxied | direct
    rules                 TEXT NOT NULL,    -- one a line; none allows everything
    scopes                TEXT NOT NULL,    -- separated by spaces; none narrows nothing
    exchange_name         TEXT,             -- the name of the first connection that it may make
    exchange_app_id       TEXT REFERENCES apps (id),
    adopted               INTEGER NOT NULL, -- 1: client ID, secret and handle are those the software had
    created_at            INTEGER NOT NULL,
    expires_at            INTEGER,
    last_used_at          INTEGER,
    revoked_at            INTEGER
) STRICT;
CREATE UNIQUE INDEX callers_by_name ON callers (name) WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX callers_by_client_id ON callers (client_id) WHERE adopted = 0;

-- Handles, one for each connection that a caller has. The id is random, stands in the handle itself, and
-- stays the same when the handle is rotated: what is rotated is the secret behind it.
CREATE TABLE caller_connections (
    id                    TEXT NOT NULL PRIMARY KEY, -- 16 hexadecimal digits
    caller_id             TEXT NOT NULL REFERENCES callers (id),
    connection_id         TEXT NOT NULL REFERENCES connections (id),
    handle_hash           BLOB NOT NULL,
    previous_handle_hash  BLOB,
    epoch                 INTEGER NOT NULL,          -- grows with every rotation
    created_at            INTEGER NOT NULL,
    revoked_at            INTEGER
) STRICT;
CREATE UNIQUE INDEX caller_connections_once ON caller_connections (caller_id, connection_id)
  WHERE revoked_at IS NULL;
CREATE UNIQUE INDEX caller_connections_by_hash ON caller_connections (handle_hash) WHERE revoked_at IS NULL;
CREATE INDEX caller_connections_by_connection ON caller_connections (connection_id);

-- Grows with every change of the above, so that a server knows when to read it again.
ALTER TABLE vault ADD COLUMN callers_version INTEGER NOT NULL DEFAULT 0;

PRAGMA user_version = 3;
