// Asks flags through OpenFeature's own OFREP provider, for the tests: prints one line of JSON for each line of input.

import { createInterface } from 'node:readline';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: process.argv[2] }));
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const client = OpenFeature.getClient().setLogger(quiet);
const context = { targetingKey: 'ada', country: 'DE', roles: ['staff'], nested: { a: 1 } };
const asks = {
  boolean: client.getBooleanDetails,
  string: client.getStringDetails,
  number: client.getNumberDetails,
  object: client.getObjectDetails,
};
for await (const line of createInterface({ input: process.stdin })) {
  const [key, fallback] = JSON.parse(line);
  const details = await asks[typeof fallback].call(client, key, fallback, context);
  console.log(JSON.stringify([details.value, details.variant ?? null, details.errorCode ?? null]));
}
