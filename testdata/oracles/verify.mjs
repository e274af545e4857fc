// Verifies requests of awf-hook by the libraries that receivers use. In: a JSON list on stdin; out: a JSON list of
// {library: "good" or what it said} in the same order.
import { Webhook } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { verify } from "@octokit/webhooks-methods";
import { readFileSync } from "node:fs";

const said = async (check) => {
  try {
    return (await check()) === false ? "bad" : "good";
  } catch (err) {
    return String(err.message ?? err);
  }
};

const results = [];
for (const { secret, headers, body } of JSON.parse(readFileSync(0, "utf8"))) {
  const result = {};
  if (headers["webhook-signature"]) {
    result.standardwebhooks = await said(() => new Webhook(secret).verify(body, headers));
    result.svix = await said(() => new Svix(secret).verify(body, headers));
  }
  if (headers["x-hub-signature-256"]) {
    result.octokit = await said(() => verify(secret, body, headers["x-hub-signature-256"]));
  }
  results.push(result);
}
console.log(JSON.stringify(results));
