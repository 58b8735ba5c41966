"""OKX v5: spot, swaps, futures and options, https://www.okx.com/docs-v5/en/."""
