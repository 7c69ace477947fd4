-- The vault. All times are milliseconds UTC; ids are UUIDs of version 7, made once and never used
-- again; columns named *_sealed are sealed to their vault, table, column and row.

CREATE TABLE vault (
    one               INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id                TEXT NOT NULL,
    writing_key_id    TEXT NOT NULL,
    index_key_sealed  BLOB NOT NULL,
    created_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE sealing_keys (
    id            TEXT NOT NULL PRIMARY KEY,
    label         TEXT NOT NULL,
    check_sealed  BLOB NOT NULL,
    created_at    INTEGER NOT NULL,
    retired_at    INTEGER
) STRICT;

CREATE TABLE apps (
    id               TEXT NOT NULL PRIMARY KEY,
    client_id        TEXT NOT NULL,
    accounts_domain  TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    UNIQUE (client_id, accounts_domain)
) STRICT;

-- The secret that Zoho accepted last goes first.
CREATE TABLE app_secrets (
    id                TEXT NOT NULL PRIMARY KEY,
    app_id            TEXT NOT NULL REFERENCES apps (id),
    fingerprint       BLOB NOT NULL,
    secret_sealed     BLOB NOT NULL,
    added_at          INTEGER NOT NULL,
    last_accepted_at  INTEGER,
    retired_at        INTEGER,
    UNIQUE (app_id, fingerprint)
) STRICT;

CREATE TABLE connections (
    id                    TEXT NOT NULL PRIMARY KEY,
    name                  TEXT NOT NULL,
    app_id                TEXT NOT NULL REFERENCES apps (id),
    grant_type            TEXT NOT NULL,
    soid                  TEXT,
    refresh_token_sealed  BLOB,
    credential            BLOB NOT NULL, -- keyed fingerprint of accounts domain and refresh token
    scopes                TEXT NOT NULL, -- as Zoho answered, separated by spaces
    api_domain            TEXT,
    environment           TEXT,
    state                 TEXT NOT NULL,
    state_reason          TEXT,
    state_since           INTEGER NOT NULL,
    generation            INTEGER NOT NULL, -- grows with every replaced refresh token
    created_at            INTEGER NOT NULL,
    removed_at            INTEGER
) STRICT;
CREATE UNIQUE INDEX connections_by_name ON connections (name) WHERE removed_at IS NULL;
CREATE INDEX connections_by_credential ON connections (credential);

-- What a new refresh token took the place of. It stays sealed to its connection's row, so that
-- moving it here needs no key; it still takes a place at Zoho until it is revoked.
CREATE TABLE former_refresh_tokens (
    id               TEXT NOT NULL PRIMARY KEY,
    connection_id    TEXT NOT NULL REFERENCES connections (id),
    app_id           TEXT NOT NULL REFERENCES apps (id),
    api_domain       TEXT,
    sealed           BLOB NOT NULL,
    credential       BLOB NOT NULL,
    replaced_at      INTEGER NOT NULL,
    revoked_at       INTEGER
) STRICT;

-- One row for every grant token that this vault has seen.
CREATE TABLE exchanges (
    id                 TEXT NOT NULL PRIMARY KEY, -- also the name of its file in escrow
    grant_fingerprint  BLOB NOT NULL UNIQUE,
    name               TEXT,
    state              TEXT NOT NULL, -- prepared | done | unsent | refused | failed | unknown | discarded
    reason             TEXT,
    at                 INTEGER NOT NULL
) STRICT;

-- Ledger of calls for access tokens, and the tokens that came: rows are added, never overwritten.
CREATE TABLE refreshes (
    credential    BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    started_ms    INTEGER NOT NULL,
    ended_ms      INTEGER,
    outcome       TEXT NOT NULL, -- open | granted | refused | throttled | unknown | not_sent
    sealed_token  BLOB,
    fingerprint   BLOB,
    expires_ms    INTEGER,
    refused_ms    INTEGER,
    PRIMARY KEY (credential, epoch)
) STRICT;
CREATE INDEX refreshes_by_fingerprint ON refreshes (fingerprint);

CREATE TABLE leases (
    credential       BLOB NOT NULL PRIMARY KEY,
    owner            TEXT,
    epoch            INTEGER NOT NULL,
    until_ms         INTEGER NOT NULL,
    closed_until_ms  INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    last_error       TEXT
) STRICT;

-- What was done, each row chained to the one before by a keyed hash.
CREATE TABLE audit (
    seq            INTEGER NOT NULL PRIMARY KEY,
    at             INTEGER NOT NULL,
    event          TEXT NOT NULL,
    actor          TEXT NOT NULL,
    connection_id  TEXT,
    caller_id      TEXT,
    detail         TEXT NOT NULL,
    previous_hash  BLOB NOT NULL,
    hash           BLOB NOT NULL
) STRICT;

PRAGMA user_version = 1;
