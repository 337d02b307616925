"""Asks flags through flagd's own provider, for the tests: prints one line of JSON for each line of input."""

import json
import logging
import queue
import sys
from urllib.parse import urlsplit

from openfeature import api
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import CacheType, ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEvent

logging.disable(logging.CRITICAL)
mode, url = ResolverType(sys.argv[1]), urlsplit(sys.argv[2])
changes = queue.Queue()
api.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, lambda details: changes.put(details.flags_changed))
api.set_provider_and_wait(
    FlagdProvider(
        host=url.hostname,
        port=url.port,
        resolver_type=mode,
        # The machine may be busy.
        deadline_ms=10_000,
        retry_backoff_ms=100,
        retry_backoff_max_ms=200,
        cache=CacheType.LRU,
    )
)
client = api.get_client()
context = EvaluationContext("ada", {"country": "DE", "roles": ["staff"], "nested": {"a": 1}})
asks = {
    bool: client.get_boolean_details,
    str: client.get_string_details,
    int: client.get_integer_details,
    float: client.get_float_details,
    dict: client.get_object_details,
}


def plain(value):
    """Numbers of objects travel as doubles."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


for line in sys.stdin:
    key, default = json.loads(line)
    if key == "changed":
        # The keys of the next event.
        print(json.dumps([sorted(changes.get(timeout=60) or []), None, None]), flush=True)
        continue
    details = asks[type(default)](key, default, context)
    error = details.error_code.value if details.error_code else None
    print(json.dumps([plain(details.value), details.variant, error]), flush=True)
