// A shop whose cart is decided by switches: shop.mjs [AGENT_URL] [PORT]. See README.md beside it.

import { createServer } from 'node:http';
import { OpenFeature } from '@openfeature/server-sdk';
import { OFREPProvider } from '@openfeature/ofrep-provider';

const [agent = 'http://127.0.0.1:7422', port = '8082'] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: agent }));
const flags = OpenFeature.getClient();
// The client logs each failure; the default is answered all the same.
flags.setLogger({ error() {}, warn() {}, info() {}, debug() {} });

async function cart(user, country) {
  const context = { targetingKey: user, country };
  const batch = await flags.getNumberDetails('checkout/cart.batch', 10, context);
  const banner = await flags.getStringValue('checkout/cart.banner', '', context);
  return { batch: batch.value, banner, because: batch.variant ?? null };
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://shop');
  const known = pathname === '/cart';
  const answer = known
    ? await cart(searchParams.get('user') ?? '', searchParams.get('country') ?? '')
    : { error: 'there is only /cart' };
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
});
server.listen(Number(port), '127.0.0.1', () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
