"""Files to chunks, in a process of their own.

reader    the DocumentReader port: starts the worker, and ends it when it breaks a bound
worker    the program: reads requests from its standard input, answers on its standard output
formats   bytes of each format to text
frames    what both say to each other
"""
