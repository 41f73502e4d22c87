"""What every endpoint shares: bodies, errors, streams, request ids and the OpenAPI document."""
