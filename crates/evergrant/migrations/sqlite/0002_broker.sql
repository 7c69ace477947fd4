-- What the broker needs: when a token was first handed out, how long it lives by the machine's own
-- count, and how far Zoho's clock is from ours.

ALTER TABLE refreshes ADD COLUMN handed_out_ms INTEGER;
ALTER TABLE refreshes ADD COLUMN boot TEXT;             -- the run of the machine that `expires_uptime_ms` counts in
ALTER TABLE refreshes ADD COLUMN expires_uptime_ms INTEGER;
ALTER TABLE refreshes ADD COLUMN skew_ms INTEGER;       -- Zoho's clock minus ours, where its reply told

ALTER TABLE apps ADD COLUMN removed_at INTEGER;

-- What is asked at every token, whatever the history of its connection.
CREATE INDEX refreshes_by_start ON refreshes (credential, started_ms);
CREATE INDEX refreshes_with_token ON refreshes (credential, expires_ms)
  WHERE outcome = 'granted' AND refused_ms IS NULL;
CREATE INDEX refreshes_open ON refreshes (credential) WHERE outcome = 'open';
CREATE INDEX connections_by_app ON connections (app_id);

-- The history of one connection.
CREATE INDEX audit_by_connection ON audit (connection_id, seq);

-- What a connection had before.
CREATE INDEX former_refresh_tokens_by_connection ON former_refresh_tokens (connection_id);

-- Where a list begins that is told a time.
CREATE INDEX audit_by_time ON audit (at);

PRAGMA user_version = 2;
