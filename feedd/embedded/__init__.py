"""The embedded exchange: a faithful stand-in for real ones, on one port of this machine.

`server` handles the sockets. `engine` generates the market's histories, in no exchange's format;
`recorded` plays recordings. `binance` and `bybit` implement these exchanges' messages and
connection rules.
"""
