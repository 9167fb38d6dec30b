"""Words that mean the same on a support site: a question about the guarantee is answered by the warranty page.

Groups of everyday synonyms, compared by stem. A word that means other things in other company (`order`, `charge`) is in
a group only where the group's other words rarely stand in a text for those other things.
"""

from __future__ import annotations

from functools import cache

from app.terms import stem

_GROUPS = """
guarantee warranty guaranty
delivery shipping shipment dispatch
parcel package
refund reimburse repay
buy purchase
cost price fee
cheap inexpensive affordable
expensive costly dear
phone telephone
mobile cellphone smartphone
email mail
repair fix mend
broken faulty defective damaged
defect fault
invoice bill receipt
voucher coupon
store shop branch
staff employee personnel
holiday vacation
hike walk trek ramble
hill mountain
wash clean launder
begin start commence
end finish
hour opening
colour color
size measurement
child kid
adult grown-up
car vehicle automobile
bike bicycle
picture photo image
film movie
doctor physician
illness disease
job occupation profession
lawyer attorney
rent lease
flat apartment
rubbish waste garbage trash
lorry truck
petrol gasoline
autumn fall
sign-in login logon
delete remove erase
change modify alter amend
choose select pick
allow permit
forbid prohibit ban
need require
help assistance support
problem issue trouble
error fault failure
mistake error
customer client
customer you
buyer you
subscription membership
join enrol register
quick fast rapid
entire whole complete
instalment installment
torch flashlight
trousers pants
jumper sweater pullover
trainer sneaker
zip zipper
rucksack backpack
mat mattress pad
waterproof watertight rainproof
"""


@cache
def _table() -> dict[str, frozenset[str]]:
    table: dict[str, frozenset[str]] = {}
    for line in _GROUPS.strip().splitlines():
        group = frozenset(stem(word) for word in line.split() if "-" not in word)
        for word in group:
            table[word] = table.get(word, frozenset()) | group - {word}
    return table


def synonyms(term: str) -> frozenset[str]:
    """The stems that mean the same as a stem; empty for most."""
    return _table().get(term, frozenset())
