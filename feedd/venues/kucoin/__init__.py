"""KuCoin: spot, and futures under the same name or as `kucoinfutures`."""
