"""Prints the access token that the SDK's own file store finds: CLIENT_ID CLIENT_SECRET REFRESH_TOKEN STORE."""

import sys

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore

client_id, client_secret, refresh_token, store = sys.argv[1:]
found = FileStore(store).find_token(OAuthToken(client_id, client_secret, refresh_token=refresh_token))
print(found.get_access_token() if found else "")
