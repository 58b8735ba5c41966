"""OKX v5, https://www.okx.com/docs-v5/en/."""
