"""HTX's limits of one address.

https://www.htx.com/en-us/opend/newApiPages/?id=474: 100 requests in 10 s for the public pages of
spot. https://www.htx.com/en-us/opend/newApiPages/?id=28c2e6a7-77ae-11ed-9966-0242ac110003: 120 in
3 s for those of contracts; feedd keeps to the first for both. A limit of connections is documented
as a number at once, not as a rate.
"""

from __future__ import annotations

from feedd.venues.limits import AddressLimits, share_of

LIMITS = AddressLimits("htx", share_of(100, 10.0, 10), per_cost=None, unit="requests")
