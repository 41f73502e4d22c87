"""The guarded way out: what callers name is asked only at public addresses, or where the operator allows.

addresses   which addresses are public      urls   which URLs may be asked at all      client   asking
"""
