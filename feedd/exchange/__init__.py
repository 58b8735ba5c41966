"""The embedded exchange: an honest stand-in for Binance USD-M, on one port of this machine.

`server` is the shell of sockets; `protocol`, `limits` and `streams` are what Binance says a
connection may do; `generated` and `recorded` are the markets that it serves.
"""
