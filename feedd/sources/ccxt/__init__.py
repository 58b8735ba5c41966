"""The ccxt source: any exchange of ccxt.pro."""
