// Asks flags through OpenFeature's own OFREP provider for web pages, for the tests: prints one line of JSON for each line of input.

import { createInterface } from 'node:readline';
import { EventSource } from 'eventsource';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const [mode, baseUrl] = process.argv.slice(2);
// What browsers have.
globalThis.EventSource = EventSource;
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
OpenFeature.setLogger(quiet);
const changes = [];
const waiting = [];
OpenFeature.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => {
  const taker = waiting.shift();
  if (taker) taker(flagsChanged);
  else changes.push(flagsChanged);
});
const pollInterval = mode === 'polling' ? 50 : 0;
const options = { baseUrl, pollInterval, changeDetection: mode };
await OpenFeature.setContext({ targetingKey: 'ada', country: 'DE', roles: ['staff'], nested: { a: 1 } });
await OpenFeature.setProviderAndWait(new OFREPWebProvider(options, quiet));
const client = OpenFeature.getClient();
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
  const details = asks[typeof fallback].call(client, key, fallback);
  console.log(JSON.stringify([details.value, details.variant || null, details.errorCode ?? null]));
}
