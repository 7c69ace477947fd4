"""One exchange by Zoho's own Python SDK, kept in its file store: SELF_CLIENT ACCOUNTS_URL API_URL STORE."""

import json
import sys

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer

self_client, accounts_url, api_url, store = sys.argv[1:]
with open(self_client, encoding="utf-8") as file:
    client = json.load(file)
token = OAuthToken(
    client_id=client["client_id"],
    client_secret=client["client_secret"],
    grant_token=client["code"],
    # Else it asks the API who the user is before it keeps the token.
    find_user=False,
)
environment = DataCenter.Environment(api_url, accounts_url + "/oauth/v2/token", api_url)
Initializer.initialize(environment, token, store=FileStore(store))
token.generate_token()
sys.exit(0 if token.get_refresh_token() else 1)
