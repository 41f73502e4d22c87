"""Where answers are kept for a while, behind the `ResponseCache` port: in this process or in Redis.

memory      for one process, bounded by bytes
redis       shared by many
"""
