// Asks flags through flagd's own provider, for the tests: prints one line of JSON for each line of input.

import { createInterface } from 'node:readline';
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { FlagdProvider } from '@openfeature/flagd-provider';

const [resolverType, address] = process.argv.slice(2);
const place = address.startsWith('http')
  ? { host: new URL(address).hostname, port: Number(new URL(address).port) }
  : { socketPath: address };
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
OpenFeature.setLogger(quiet);
const changes = [];
const waiting = [];
OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => {
  const taker = waiting.shift();
  if (taker) taker(flagsChanged);
  else changes.push(flagsChanged);
});
// The machine may be busy.
const patience = { deadlineMs: 10_000, retryBackoffMs: 100, retryBackoffMaxMs: 200 };
await OpenFeature.setProviderAndWait(new FlagdProvider({ ...place, ...patience, resolverType }, quiet));
const client = OpenFeature.getClient();
const context = { targetingKey: 'ada', country: 'DE', roles: ['staff'], nested: { a: 1 } };
const asks = {
  boolean: client.getBooleanDetails,
  string: client.getStringDetails,
  number: client.getNumberDetails,
  object: client.getObjectDetails,
};
for await (const line of createInterface({ input: process.stdin })) {
  const [key, fallback] = JSON.parse(line);
  if (key === 'changed') {
    // The keys of the next event.
    const keys = changes.shift() ?? (await new Promise((resolve) => waiting.push(resolve)));
    console.log(JSON.stringify([[...keys].sort(), null, null]));
    continue;
  }
  const details = await asks[typeof fallback].call(client, key, fallback, context);
  console.log(JSON.stringify([details.value, details.variant || null, details.errorCode ?? null]));
}
