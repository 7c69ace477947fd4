-- What an exchange has brought, so that whoever began it finds it if somebody else finished it.
ALTER TABLE exchanges ADD COLUMN connection_id TEXT; -- null if it was handed over, or older

-- For whom an exchange was made: whoever lost the answer gets its handle by the same grant token.
ALTER TABLE exchanges ADD COLUMN caller_id TEXT; -- null if it was no caller's, or older

PRAGMA user_version = 4;
