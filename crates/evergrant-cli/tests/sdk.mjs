// Zoho's Node SDK as its users use it: SELF_CLIENT ACCOUNTS_DOMAIN API_DOMAIN.
//
// Exchanges a grant token, lists contacts, adds a product and changes it, has the SDK's own token expire, and does all
// but the exchange again. Prints as JSON what the SDK returned and which hosts this process spoke to; it never leaves
// this machine.

import fs from "node:fs";
import net from "node:net";
import * as ZOHOCRMSDK from "@zohocrm/nodejs-sdk-8.0";

const STORE = "sdk_tokens.txt";
const hosts = new Set();

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...given) {
  const options = Array.isArray(given[0]) ? given[0][0] : given[0];
  hosts.add(options.host);
  if (options.host !== "127.0.0.1") {
    console.error(`left for ${options.host}`);
    process.exit(3);
  }
  return connect.apply(this, given);
};

const { Field, GetRecordsParam, RecordOperations } = ZOHOCRMSDK.Record;

/** Lists the last names of the contacts. */
async function contacts() {
  const parameters = new ZOHOCRMSDK.ParameterMap();
  await parameters.add(GetRecordsParam.FIELDS, "First_Name,Last_Name");
  const response = await new RecordOperations("Contacts").getRecords(parameters);
  const records = response.getObject().getData();
  return { status: response.getStatusCode(), names: records.map((one) => one.getKeyValue("Last_Name")) };
}

/** Adds a product, or changes the one with this ID, and returns what the SDK says of it. */
async function product(name, id) {
  const record = new ZOHOCRMSDK.Record.Record();
  record.addFieldValue(Field.Products.PRODUCT_NAME, name);
  const request = new ZOHOCRMSDK.Record.BodyWrapper();
  request.setData([record]);
  const operations = new RecordOperations("Products");
  const response = id ? await operations.updateRecord(BigInt(id), request) : await operations.createRecords(request);
  const done = response.getObject().getData()[0];
  const details = done.getDetails();
  return { status: response.getStatusCode(), code: done.getCode().getValue(), id: String(details.get("id")) };
}

/** Does all that is done with one token. */
async function use(name) {
  const [listed, added] = [await contacts(), await product(name)];
  return { contacts: listed, product: added, changed: await product(`${name} 2`, added.id), stored: stored() };
}

/** Reads the one token in the SDK's store. */
function stored() {
  const [names, values] = fs.readFileSync(STORE, "utf8").trimEnd().split("\n").map((line) => line.split(","));
  return Object.fromEntries(names.map((name, place) => [name, values[place]]));
}

/** Has the token expire, as far as the SDK knows. */
function expire() {
  const token = { ...stored(), expiry_time: "1" };
  fs.writeFileSync(STORE, `${Object.keys(token).join(",")}\n${Object.values(token).join(",")}`);
}

const [file, accountsDomain, apiDomain] = process.argv.slice(2);
const client = JSON.parse(fs.readFileSync(file, "utf8"));
const environment = ZOHOCRMSDK.DataCenter.setEnvironment(apiDomain, `${accountsDomain}/oauth/v2/token`, apiDomain);
const token = new ZOHOCRMSDK.OAuthBuilder()
  .clientId(client.client_id)
  .clientSecret(client.client_secret)
  .grantToken(client.code)
  .build();
await (await new ZOHOCRMSDK.InitializeBuilder())
  .environment(environment)
  .token(token)
  .store(new ZOHOCRMSDK.FileStore(STORE))
  .resourcePath(process.cwd())
  .initialize();
const report = { before: await use("Lamp") };
expire();
report.after = await use("Chair");
report.hosts = [...hosts].sort();
console.log(JSON.stringify(report));
