"""The native source: Binance USD-M and spot on picows and msgspec, without ccxt."""
