-- For whom an exchange was made: whoever lost the answer gets its handle by the same grant token.
ALTER TABLE exchanges ADD COLUMN caller_id TEXT; -- null if it was no caller's, or older

PRAGMA user_version = 5;
