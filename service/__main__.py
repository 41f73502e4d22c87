"""`python -m service` is `ai-service`."""

from service.cli import main

main()
