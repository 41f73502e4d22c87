"""The product's own words: messages, errors, money, time and ids. No I/O and no framework."""
