"""Zoho's Python SDK as its users use it: SELF_CLIENT ACCOUNTS_DOMAIN API_DOMAIN [CONTROL].

Exchanges a grant token, lists contacts, adds a product and changes it, has the token expire, lists, adds and changes
again. With the CONTROL port of a simulator the token expires there too, else as far as the SDK knows. Prints as JSON what
the SDK returned and which hosts this process spoke to; it never leaves this machine.
"""

import csv
import json
import os
import sys
import urllib.request

HOSTS = set()


def note_host(event, arguments):
    """Notes whom the process looks up or connects to, in whatever library that happens, and ends it if it leaves."""
    if event == "socket.getaddrinfo":
        host = str(arguments[0])
    elif event == "socket.connect":
        host = str(arguments[1][0])
    else:
        return
    HOSTS.add(host)
    if host != "127.0.0.1":
        print(f"left for {host}", file=sys.stderr, flush=True)
        os._exit(3)


sys.addaudithook(note_host)

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer
from zohocrmsdk.src.com.zoho.crm.api.parameter_map import ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.record import BodyWrapper, Field, GetRecordsParam, Record, RecordOperations

STORE = "sdk_tokens.txt"


def contacts():
    """Lists the last names of the contacts."""
    parameters = ParameterMap()
    parameters.add(GetRecordsParam.fields, "First_Name,Last_Name")
    response = RecordOperations("Contacts").get_records(parameters)
    records = response.get_object().get_data()
    return {"status": response.get_status_code(), "names": [one.get_key_value("Last_Name") for one in records]}


def product(name, id=None):
    """Adds a product, or changes the one with this ID, and returns what the SDK says of it."""
    record = Record()
    record.add_field_value(Field.Products.product_name(), name)
    request = BodyWrapper()
    request.set_data([record])
    operations = RecordOperations("Products")
    response = operations.update_record(int(id), request) if id else operations.create_records(request)
    done = response.get_object().get_data()[0]
    return {
        "status": response.get_status_code(),
        "code": done.get_code().get_value(),
        "id": str(done.get_details()["id"]),
    }


def use(name):
    """Does all that is done with one token."""
    listed, added = contacts(), product(name)
    return {"contacts": listed, "product": added, "changed": product(name + " 2", added["id"]), "stored": stored()}


def stored():
    """Reads the one token in the SDK's store."""
    with open(STORE, encoding="utf-8", newline="") as file:
        (token,) = csv.DictReader(file)
    return token


def expire(control):
    """Has the token expire: the simulator's time passes, if there is one, and the store says so."""
    if control:
        hour = json.dumps({"advance_seconds": 3600}).encode()
        urllib.request.urlopen(urllib.request.Request(control[0] + "/clock", hour)).close()
    token = stored() | {"expiry_time": "1"}
    with open(STORE, "w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, token.keys())
        rows.writeheader()
        rows.writerow(token)


self_client, accounts_domain, api_domain, *control = sys.argv[1:]
with open(self_client, encoding="utf-8") as file:
    client = json.load(file)
token = OAuthToken(
    client_id=client["client_id"], client_secret=client["client_secret"], grant_token=client["code"]
)
environment = DataCenter.Environment(api_domain, accounts_domain + "/oauth/v2/token", api_domain)
Initializer.initialize(environment, token, store=FileStore(STORE))

report = {"before": use("Lamp")}
expire(control)
report["after"] = use("Chair")
report["hosts"] = sorted(HOSTS)
print(json.dumps(report))
