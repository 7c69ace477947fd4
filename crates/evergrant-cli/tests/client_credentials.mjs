// A program with a generic OAuth2 client, as its users use it: ACCOUNTS_DOMAIN CLIENT_ID, and CLIENT_SECRET in the
// environment. Prints the token that it got as JSON.

import { ClientCredentials } from "simple-oauth2";

const [accountsDomain, id] = process.argv.slice(2);
const client = new ClientCredentials({
  client: { id, secret: process.env.CLIENT_SECRET },
  auth: { tokenHost: accountsDomain, tokenPath: "/oauth/v2/token" },
});
const { token } = await client.getToken({});
console.log(JSON.stringify(token));
