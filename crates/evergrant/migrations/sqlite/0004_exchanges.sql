-- What an exchange has brought, so that whoever began it finds it if somebody else finished it.
ALTER TABLE exchanges ADD COLUMN connection_id TEXT; -- null if it was handed over, or older

PRAGMA user_version = 4;
