"""The subcommands of `ai-service` that need a module of their own."""
