"""Asks flags through OpenFeature's own OFREP provider, for the tests: prints one line of JSON for each line of input."""

import json
import logging
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

# Flags without a value raise within this version of the provider; the default is answered all the same.
logging.disable(logging.CRITICAL)
api.set_provider(OFREPProvider(base_url=sys.argv[1]))
client = api.get_client()
context = EvaluationContext("ada", {"country": "DE", "roles": ["staff"], "nested": {"a": 1}})
asks = {
    bool: client.get_boolean_details,
    str: client.get_string_details,
    int: client.get_integer_details,
    float: client.get_float_details,
    dict: client.get_object_details,
}
for line in sys.stdin:
    key, default = json.loads(line)
    details = asks[type(default)](key, default, context)
    error = details.error_code.value if details.error_code else None
    print(json.dumps([details.value, details.variant, error]), flush=True)
