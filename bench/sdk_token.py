"""One access token by Zoho's Python SDK from its file store: SELF_CLIENT REFRESH_TOKEN ACCOUNTS_URL API_URL STORE [wait].

With a refresh token of `-` it exchanges the grant token, which fills the store. With `wait` it says when it is loaded,
and once it is told to, has its token in memory be over and asks again: a worker that has been running for an hour.
"""

import json
import sys

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer

self_client, refresh_token, accounts_url, api_url, store, *wait = sys.argv[1:]
with open(self_client, encoding="utf-8") as file:
    client = json.load(file)
secret = {"grant_token": client["code"]} if refresh_token == "-" else {"refresh_token": refresh_token}
token = OAuthToken(
    client_id=client["client_id"],
    client_secret=client["client_secret"],
    # Else it asks the API who the user is before it keeps the token.
    find_user=False,
    **secret,
)
environment = DataCenter.Environment(api_url, accounts_url + "/oauth/v2/token", api_url)
Initializer.initialize(environment, token, store=FileStore(store))
if wait:
    print("ready", flush=True)
    sys.stdin.readline()
    token.set_expires_in("1")
print(token.get_token())
