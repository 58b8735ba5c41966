"""The embedded exchange: an honest stand-in for real ones, on one port of this machine.

`server` is the shell of sockets. `engine` makes the generated market's histories, in no exchange's
format; `recorded` plays recordings. `binance` and `bybit` are what these exchanges say, and what
they let a connection do.
"""
