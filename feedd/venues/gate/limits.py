"""Gate's limits of one address.

https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule: 200 requests in 10 s for each
public page; the one budget of feedd for all pages keeps to that. A limit of connections is
documented as 300 at once for an address, not as a rate.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("gate", share_of(200, 10.0, 10), per_cost=None, unit="requests")
