"""A shop whose cart is decided by switches: shop.py [AGENT_URL] [PORT]. See README.md beside it."""

import json
import logging
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

# The provider logs each failure; the default is answered all the same.
logging.getLogger("openfeature").setLevel(logging.CRITICAL)
api.set_provider(OFREPProvider(base_url=sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:7422"))
flags = api.get_client()


def cart(user, country):
    """Returns what a user's cart is like."""
    context = EvaluationContext(user, {"country": country})
    batch = flags.get_integer_details("checkout/cart.batch", 10, context)
    banner = flags.get_string_value("checkout/cart.banner", "", context)
    return {"batch": batch.value, "banner": banner, "because": batch.variant}


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        target = urlsplit(self.path)
        query = parse_qs(target.query)
        known = target.path == "/cart"
        answer = cart(query.get("user", [""])[0], query.get("country", [""])[0]) if known else {"error": "there is only /cart"}
        body = json.dumps(answer).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Says nothing about each request."""


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 8081), Shop)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
