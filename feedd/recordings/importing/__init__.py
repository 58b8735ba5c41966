"""Files of others as recordings of feedd's: exchanges' raw messages, and tickers."""
