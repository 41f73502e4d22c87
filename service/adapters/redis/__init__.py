"""One way to Redis for everything that is kept there.

client      connections, time limits, breaker and probe; only this file imports the driver: import it where
            Redis is configured
  fuse      the time limit on the server's answer
"""
